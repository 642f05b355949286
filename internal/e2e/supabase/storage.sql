-- What the walks of storage may do, by the beginning of a bucket's name.
create policy "users see buckets that are not hidden" on {storage}.buckets for select to authenticated using (id not like 'hidden-%');
create policy "users make buckets of their own" on {storage}.buckets for insert to authenticated with check (id like 'theirs-%' and owner_id = (select auth.uid())::text);
create policy "users change buckets of their own" on {storage}.buckets for update to authenticated using (id like 'theirs-%' and owner_id = (select auth.uid())::text);
create policy "users delete buckets of their own" on {storage}.buckets for delete to authenticated using (id like 'theirs-%' and owner_id = (select auth.uid())::text);

create policy "users do all in folders of their own" on {storage}.objects to authenticated
    using (bucket_id like 'own-%' and ({storage}.foldername(name))[1] = (select auth.uid())::text)
    with check (bucket_id like 'own-%' and ({storage}.foldername(name))[1] = (select auth.uid())::text);
create policy "users read what is shared" on {storage}.objects for select to authenticated using (bucket_id like 'own-%' and ({storage}.foldername(name))[1] = 'shared');
create policy "anyone leaves something in the inbox" on {storage}.objects for insert to anon with check (bucket_id like 'inbox-%');
create policy "owners do all with theirs" on {storage}.objects to authenticated using (bucket_id like 'theirs-%' and owner_id = (select auth.uid())::text);
