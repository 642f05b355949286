-- The project's schemas, who owns them and who may use them.

{{if .Shared -}}
create schema if not exists {{schema "public"}} authorization {{.Owner}};
{{else -}}
alter schema public owner to {{.Owner}};
revoke all on schema public from public;
{{end -}}
create schema if not exists {{schema "auth"}} authorization {{.Admin}};
create schema if not exists {{schema "storage"}} authorization {{.Storage}};
create schema if not exists {{schema "realtime"}} authorization {{.Admin}};
create schema if not exists {{schema "extensions"}} authorization {{.Admin}};
{{if not .Shared -}}
alter schema auth owner to {{.Admin}};
{{end -}}

grant usage on schema {{schema "public"}}, {{schema "auth"}}, {{schema "storage"}}, {{schema "realtime"}}, {{schema "extensions"}}
    to {{.Anon}}, {{.Authenticated}}, {{.ServiceRole}}, {{.OwnerGroup}};
grant usage on schema {{schema "public"}}, {{schema "extensions"}} to {{.Admin}};
grant create on schema {{schema "extensions"}} to {{.OwnerGroup}};
