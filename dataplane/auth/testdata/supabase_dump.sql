--
-- Data of schema auth as pg_dump --data-only writes it for a Supabase project. Written by hand from the documented columns; the people are made up.
--

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET row_security = off;

COPY auth.audit_log_entries (instance_id, id, payload, created_at, ip_address) FROM stdin;
00000000-0000-0000-0000-000000000000	0c7f7a64-1c1e-4d4f-9c3c-7c1c6ce9b001	{"action":"login","actor_id":"7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01","actor_username":"ada@example.com","actor_via_sso":false,"log_type":"account","traits":{"provider":"email"}}	2026-03-01 10:00:00.123456+00	192.0.2.4
\.

COPY auth.flow_state (id, user_id, auth_code, code_challenge_method, code_challenge, provider_type, provider_access_token, provider_refresh_token, created_at, updated_at, authentication_method, auth_code_issued_at) FROM stdin;
\.

COPY auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, invited_at, confirmation_token, confirmation_sent_at, recovery_token, recovery_sent_at, email_change_token_new, email_change, email_change_sent_at, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, is_super_admin, created_at, updated_at, phone, phone_confirmed_at, phone_change, phone_change_token, phone_change_sent_at, email_change_token_current, email_change_confirm_status, banned_until, reauthentication_token, reauthentication_sent_at, is_sso_user, deleted_at, is_anonymous) FROM stdin;
00000000-0000-0000-0000-000000000000	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	authenticated	authenticated	ada@example.com	$2a$10$HbpWsO8PdHbMkQHy9bzjFunG/fjZ/z7cq92kYrzlz8skiTG3LwApe	2026-03-01 10:00:00.123456+00	\N		\N		\N			\N	2026-03-01 10:00:00.123456+00	{"provider": "email", "providers": ["email"]}	{"name": "Ada", "email_verified": true}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N			\N		0	\N		\N	f	\N	f
00000000-0000-0000-0000-000000000000	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	authenticated	authenticated	grace@example.com	$2a$10$HbpWsO8PdHbMkQHy9bzjFunG/fjZ/z7cq92kYrzlz8skiTG3LwApe	2026-03-01 10:00:00.123456+00	\N		\N	4527687d3b0f6f268a63cc122954f7ddf1de2a2dee115adfe9b08745	2026-03-01 10:00:00+00			\N	2026-03-01 10:00:00.123456+00	{"provider": "email", "providers": ["email", "google"], "team": "navy"}	{"name": "Grace"}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N			\N		0	\N		\N	f	\N	f
00000000-0000-0000-0000-000000000000	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a03	authenticated	authenticated	alan@example.com		2026-03-01 10:00:00.123456+00	\N		\N		\N			\N	2026-03-01 10:00:00.123456+00	{"provider": "google", "providers": ["google"]}	{"full_name": "Alan", "iss": "https://accounts.google.com"}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N			\N		0	\N		\N	f	\N	f
00000000-0000-0000-0000-000000000000	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a04	authenticated	authenticated	\N	$2a$10$HbpWsO8PdHbMkQHy9bzjFunG/fjZ/z7cq92kYrzlz8skiTG3LwApe	\N	\N		\N		\N			\N	2026-03-01 10:00:00.123456+00	{"provider": "phone", "providers": ["phone"]}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	15551234567	2026-03-01 10:00:00.123456+00			\N		0	\N		\N	f	\N	f
00000000-0000-0000-0000-000000000000	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a05	authenticated	authenticated	\N		\N	\N		\N		\N			\N	2026-03-01 10:00:00.123456+00	{}	{}	\N	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	\N			\N		0	\N		\N	f	\N	t
\.

COPY auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, id) FROM stdin;
7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	{"sub": "7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01", "email": "ada@example.com", "email_verified": true, "phone_verified": false}	email	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	5f1d3f0e-8f57-4a69-8a0e-2d1b6c8ea001
7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	{"sub": "7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02", "email": "grace@example.com", "email_verified": true}	email	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	5f1d3f0e-8f57-4a69-8a0e-2d1b6c8ea002
110000000000000000002	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	{"sub": "110000000000000000002", "email": "grace@example.com", "email_verified": true, "iss": "https://accounts.google.com"}	google	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	5f1d3f0e-8f57-4a69-8a0e-2d1b6c8ea003
110000000000000000003	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a03	{"sub": "110000000000000000003", "email": "alan@example.com", "email_verified": true, "iss": "https://accounts.google.com"}	google	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	5f1d3f0e-8f57-4a69-8a0e-2d1b6c8ea004
7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a04	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a04	{"sub": "7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a04", "phone": "15551234567", "phone_verified": true}	phone	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	5f1d3f0e-8f57-4a69-8a0e-2d1b6c8ea005
\.

COPY auth.instances (id, uuid, raw_base_config, created_at, updated_at) FROM stdin;
\.

COPY auth.sessions (id, user_id, created_at, updated_at, factor_id, aal, not_after, refreshed_at, user_agent, ip, tag) FROM stdin;
2b6d0f3c-59a1-4a40-8a53-9f2a1c6f7b01	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	aal1	\N	\N	Mozilla/5.0	192.0.2.4	\N
\.

COPY auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method, id) FROM stdin;
2b6d0f3c-59a1-4a40-8a53-9f2a1c6f7b01	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	password	c9d6fd3c-3f5d-4c3e-9f40-1b0a55c0e001
\.

COPY auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret, phone, last_challenged_at, web_authn_credential, web_authn_aaguid) FROM stdin;
e3b0c442-98fc-4c14-9afb-f4c8996fb001	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	Phone app	totp	verified	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP	\N	\N	\N	\N
\.

COPY auth.mfa_challenges (id, factor_id, created_at, verified_at, ip_address, otp_code, web_authn_session_data) FROM stdin;
\.

COPY auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at) FROM stdin;
a1d0c6e8-3f02-4c8b-8f52-6f3b8f9cd001	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a02	recovery_token	4527687d3b0f6f268a63cc122954f7ddf1de2a2dee115adfe9b08745	grace@example.com	2026-03-01 10:00:00	2026-03-01 10:00:00
\.

COPY auth.refresh_tokens (instance_id, id, token, user_id, revoked, created_at, updated_at, parent, session_id) FROM stdin;
00000000-0000-0000-0000-000000000000	41	fNpFAzC5Hbp0k3fpd9Vt2w	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	t	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	\N	2b6d0f3c-59a1-4a40-8a53-9f2a1c6f7b01
00000000-0000-0000-0000-000000000000	42	s8kq2PzXv1LmWb7rTn4eYg	7d7a2f5e-6a0b-4c39-9a52-3e7f0c3f1a01	f	2026-03-01 10:00:00.123456+00	2026-03-01 10:00:00.123456+00	fNpFAzC5Hbp0k3fpd9Vt2w	2b6d0f3c-59a1-4a40-8a53-9f2a1c6f7b01
\.

COPY auth.sso_providers (id, resource_id, created_at, updated_at) FROM stdin;
\.

COPY auth.schema_migrations (version) FROM stdin;
20171026211738
20250717082212
\.

SELECT pg_catalog.setval('"auth"."refresh_tokens_id_seq"', 42, true);
