-- A decision store as commit 86820a6 wrote it on PostgreSQL (pg_dump --inserts), before stores had migrations.
CREATE TABLE public.contradictions (
    id bigint NOT NULL,
    request_id text NOT NULL COLLATE pg_catalog."C",
    client_id text NOT NULL COLLATE pg_catalog."C",
    defaulted boolean NOT NULL,
    observed_at_us bigint NOT NULL,
    partition integer NOT NULL,
    topic_offset bigint NOT NULL
);
CREATE SEQUENCE public.contradictions_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.contradictions_id_seq OWNED BY public.contradictions.id;
CREATE TABLE public.decisions (
    seq bigint NOT NULL,
    request_id text NOT NULL COLLATE pg_catalog."C",
    client_id text NOT NULL COLLATE pg_catalog."C",
    requested_at_us bigint NOT NULL,
    decided_at_us bigint NOT NULL,
    outcome text NOT NULL,
    probability_of_default double precision NOT NULL,
    model_version text NOT NULL,
    late boolean NOT NULL,
    partition integer NOT NULL,
    topic_offset bigint NOT NULL,
    record text NOT NULL
);
CREATE SEQUENCE public.decisions_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.decisions_seq_seq OWNED BY public.decisions.seq;
CREATE TABLE public.meta (
    name text NOT NULL,
    value text
);
CREATE TABLE public.outcomes (
    request_id text NOT NULL COLLATE pg_catalog."C",
    client_id text NOT NULL COLLATE pg_catalog."C",
    defaulted boolean NOT NULL,
    observed_at_us bigint NOT NULL,
    joined boolean NOT NULL,
    partition integer NOT NULL,
    topic_offset bigint NOT NULL
);
CREATE TABLE public.positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    latest_us bigint
);
CREATE TABLE public.windows (
    id text NOT NULL,
    kind text NOT NULL,
    start_us bigint NOT NULL,
    end_us bigint NOT NULL,
    first_seq bigint,
    last_seq bigint,
    rows bigint NOT NULL,
    late_rows bigint NOT NULL,
    revision integer NOT NULL,
    published_revision integer NOT NULL,
    labels_seen bigint NOT NULL,
    labels_computed bigint NOT NULL,
    verdict text,
    record text,
    report text,
    closed_at_us bigint NOT NULL
);
ALTER TABLE ONLY public.contradictions ALTER COLUMN id SET DEFAULT nextval('public.contradictions_id_seq'::regclass);
ALTER TABLE ONLY public.decisions ALTER COLUMN seq SET DEFAULT nextval('public.decisions_seq_seq'::regclass);
INSERT INTO public.contradictions VALUES (1, 'r0', 'c1', false, 77760000000000, 0, 7);
INSERT INTO public.decisions VALUES (1, 'r0', 'c1', 0, 1, 'approved', 0.25, 'v1', false, 0, 7, '{"request_id":"r0"}');
INSERT INTO public.decisions VALUES (2, 'r1', 'c1', 3600000000, 3600000001, 'approved', 0.25, 'v1', false, 0, 7, '{"request_id":"r1"}');
INSERT INTO public.decisions VALUES (3, 'r2', 'c1', 7200000000, 7200000001, 'approved', 0.25, 'v1', false, 0, 7, '{"request_id":"r2"}');
INSERT INTO public.decisions VALUES (4, 's0', 'c1', 86400000000, 86400000001, 'approved', 0.25, 'v1', false, 0, 7, '{"request_id":"s0"}');
INSERT INTO public.decisions VALUES (5, 's1', 'c1', 90000000000, 90000000001, 'approved', 0.25, 'v1', false, 0, 7, '{"request_id":"s1"}');
INSERT INTO public.meta VALUES ('schema_version', '1');
INSERT INTO public.meta VALUES ('removed_before_us', '-9223372036854775808');
INSERT INTO public.meta VALUES ('window_size', '1d');
INSERT INTO public.meta VALUES ('outcomes_pending', '1');
INSERT INTO public.meta VALUES ('closed_before_us', '172800000000');
INSERT INTO public.outcomes VALUES ('r0', 'c1', true, 77760000000000, true, 0, 7);
INSERT INTO public.outcomes VALUES ('early', 'c1', true, 77760000000000, false, 0, 7);
INSERT INTO public.outcomes VALUES ('r1', 'c1', true, 77760000000000, true, 0, 7);
INSERT INTO public.positions VALUES ('loan.decisions', 0, 5, 90000000000);
INSERT INTO public.positions VALUES ('loan.outcomes', 0, 2, 77760000000000);
INSERT INTO public.windows VALUES ('1970-01-02', 'time', 86400000000, 172800000000, NULL, NULL, 2, 0, 0, 0, 0, 0, NULL, NULL, NULL, 259200000000);
INSERT INTO public.windows VALUES ('count-000002', 'count', 7200000000, 86400000001, 3, 4, 2, 0, 0, 0, 0, 0, NULL, NULL, NULL, 259200000000);
INSERT INTO public.windows VALUES ('1970-01-01', 'time', 0, 86400000000, NULL, NULL, 3, 1, 1, 1, 1, 0, 'too_few', '{"window":{"id":"1970-01-01","kind":"time","start":"1970-01-01T00:00:00Z","end":"1970-01-02T00:00:00Z"},"revision":1,"computed_at":"1970-01-01T00:00:00Z","reference_version":"v1","rows":3,"late_rows":1,"unreadable_rows":0,"verdict":"too_few","drifted_share":0.0,"features":[],"prediction":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"mean_probability":null,"reference_mean_probability":0.1},"outcomes":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"approved":0.0,"review":0.0,"refused":0.0,"reference_approved":0.0,"reference_review":0.0,"reference_refused":0.0},"performance":[]}', '/reports/window-1970-01-01.html', 259200000000);
INSERT INTO public.windows VALUES ('count-000001', 'count', 0, 3600000001, 1, 2, 3, 1, 1, 0, 1, 0, 'too_few', '{"window":{"id":"count-000001","kind":"time","start":"1970-01-01T00:00:00Z","end":"1970-01-02T00:00:00Z"},"revision":1,"computed_at":"1970-01-01T00:00:00Z","reference_version":"v1","rows":3,"late_rows":1,"unreadable_rows":0,"verdict":"too_few","drifted_share":0.0,"features":[],"prediction":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"mean_probability":null,"reference_mean_probability":0.1},"outcomes":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"approved":0.0,"review":0.0,"refused":0.0,"reference_approved":0.0,"reference_review":0.0,"reference_refused":0.0},"performance":[]}', NULL, 259200000000);
SELECT pg_catalog.setval('public.contradictions_id_seq', 1, true);
SELECT pg_catalog.setval('public.decisions_seq_seq', 5, true);
ALTER TABLE ONLY public.contradictions
    ADD CONSTRAINT contradictions_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.contradictions
    ADD CONSTRAINT contradictions_request_id_defaulted_observed_at_us_key UNIQUE (request_id, defaulted, observed_at_us);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.decisions
    ADD CONSTRAINT decisions_request_id_key UNIQUE (request_id);
ALTER TABLE ONLY public.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT outcomes_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY public.positions
    ADD CONSTRAINT positions_pkey PRIMARY KEY (topic, partition);
ALTER TABLE ONLY public.windows
    ADD CONSTRAINT windows_pkey PRIMARY KEY (id);
CREATE INDEX decisions_by_time ON public.decisions USING btree (requested_at_us, late);
CREATE INDEX outcomes_pending ON public.outcomes USING btree (observed_at_us) WHERE (joined IS FALSE);
CREATE INDEX windows_by_end ON public.windows USING btree (end_us, id);
CREATE INDEX windows_by_last_seq ON public.windows USING btree (kind, last_seq);
CREATE INDEX windows_by_revision ON public.windows USING btree (revision);
CREATE INDEX windows_by_start ON public.windows USING btree (kind, start_us);
CREATE INDEX windows_stale ON public.windows USING btree (end_us, id) WHERE (labels_seen > labels_computed);
CREATE INDEX windows_unannounced ON public.windows USING btree (end_us, id) WHERE (revision > published_revision);
