-- A decision store as commit 86820a6 wrote it on SQLite (.dump), before stores had migrations.
BEGIN TRANSACTION;
CREATE TABLE decisions (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	request_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	requested_at_us INTEGER NOT NULL,
	decided_at_us INTEGER NOT NULL,
	outcome TEXT NOT NULL,
	probability_of_default DOUBLE NOT NULL,
	model_version TEXT NOT NULL,
	late BOOLEAN NOT NULL,
	partition INTEGER NOT NULL,
	topic_offset INTEGER NOT NULL,
	record TEXT NOT NULL,
	UNIQUE (request_id)
);
INSERT INTO decisions VALUES(1,'r0','c1',0,1,'approved',0.25,'v1',0,0,7,'{"request_id":"r0"}');
INSERT INTO decisions VALUES(2,'r1','c1',3600000000,3600000001,'approved',0.25,'v1',0,0,7,'{"request_id":"r1"}');
INSERT INTO decisions VALUES(3,'r2','c1',7200000000,7200000001,'approved',0.25,'v1',0,0,7,'{"request_id":"r2"}');
INSERT INTO decisions VALUES(4,'s0','c1',86400000000,86400000001,'approved',0.25,'v1',0,0,7,'{"request_id":"s0"}');
INSERT INTO decisions VALUES(5,'s1','c1',90000000000,90000000001,'approved',0.25,'v1',0,0,7,'{"request_id":"s1"}');
CREATE TABLE outcomes (
	request_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	defaulted BOOLEAN NOT NULL,
	observed_at_us INTEGER NOT NULL,
	joined BOOLEAN NOT NULL,
	partition INTEGER NOT NULL,
	topic_offset INTEGER NOT NULL,
	PRIMARY KEY (request_id)
)
 WITHOUT ROWID

;
INSERT INTO outcomes VALUES('early','c1',1,77760000000000,0,0,7);
INSERT INTO outcomes VALUES('r0','c1',1,77760000000000,1,0,7);
INSERT INTO outcomes VALUES('r1','c1',1,77760000000000,1,0,7);
CREATE TABLE contradictions (
	id INTEGER NOT NULL,
	request_id TEXT NOT NULL,
	client_id TEXT NOT NULL,
	defaulted BOOLEAN NOT NULL,
	observed_at_us INTEGER NOT NULL,
	partition INTEGER NOT NULL,
	topic_offset INTEGER NOT NULL,
	PRIMARY KEY (id),
	UNIQUE (request_id, defaulted, observed_at_us)
);
INSERT INTO contradictions VALUES(1,'r0','c1',0,77760000000000,0,7);
CREATE TABLE positions (
	topic TEXT NOT NULL,
	partition INTEGER NOT NULL,
	next_offset INTEGER NOT NULL,
	latest_us INTEGER,
	PRIMARY KEY (topic, partition)
);
INSERT INTO positions VALUES('loan.decisions',0,5,90000000000);
INSERT INTO positions VALUES('loan.outcomes',0,2,77760000000000);
CREATE TABLE windows (
	id TEXT NOT NULL,
	kind TEXT NOT NULL,
	start_us INTEGER NOT NULL,
	end_us INTEGER NOT NULL,
	first_seq INTEGER,
	last_seq INTEGER,
	rows INTEGER NOT NULL,
	late_rows INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	published_revision INTEGER NOT NULL,
	labels_seen INTEGER NOT NULL,
	labels_computed INTEGER NOT NULL,
	verdict TEXT,
	record TEXT,
	report TEXT,
	closed_at_us INTEGER NOT NULL,
	PRIMARY KEY (id)
);
INSERT INTO windows VALUES('1970-01-01','time',0,86400000000,NULL,NULL,3,1,1,1,1,0,'too_few','{"window":{"id":"1970-01-01","kind":"time","start":"1970-01-01T00:00:00Z","end":"1970-01-02T00:00:00Z"},"revision":1,"computed_at":"1970-01-01T00:00:00Z","reference_version":"v1","rows":3,"late_rows":1,"unreadable_rows":0,"verdict":"too_few","drifted_share":0.0,"features":[],"prediction":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"mean_probability":null,"reference_mean_probability":0.1},"outcomes":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"approved":0.0,"review":0.0,"refused":0.0,"reference_approved":0.0,"reference_review":0.0,"reference_refused":0.0},"performance":[]}','/reports/window-1970-01-01.html',259200000000);
INSERT INTO windows VALUES('1970-01-02','time',86400000000,172800000000,NULL,NULL,2,0,0,0,0,0,NULL,NULL,NULL,259200000000);
INSERT INTO windows VALUES('count-000001','count',0,3600000001,1,2,3,1,1,0,1,0,'too_few','{"window":{"id":"count-000001","kind":"time","start":"1970-01-01T00:00:00Z","end":"1970-01-02T00:00:00Z"},"revision":1,"computed_at":"1970-01-01T00:00:00Z","reference_version":"v1","rows":3,"late_rows":1,"unreadable_rows":0,"verdict":"too_few","drifted_share":0.0,"features":[],"prediction":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"mean_probability":null,"reference_mean_probability":0.1},"outcomes":{"shift":{"psi":null,"psi_limit":null,"drifted":false,"distance":null,"distance_method":"none"},"approved":0.0,"review":0.0,"refused":0.0,"reference_approved":0.0,"reference_review":0.0,"reference_refused":0.0},"performance":[]}',NULL,259200000000);
INSERT INTO windows VALUES('count-000002','count',7200000000,86400000001,3,4,2,0,0,0,0,0,NULL,NULL,NULL,259200000000);
CREATE TABLE meta (
	name TEXT NOT NULL,
	value TEXT,
	PRIMARY KEY (name)
);
INSERT INTO meta VALUES('schema_version','1');
INSERT INTO meta VALUES('window_size','1d');
INSERT INTO meta VALUES('closed_before_us','172800000000');
INSERT INTO meta VALUES('removed_before_us','-9223372036854775808');
INSERT INTO meta VALUES('outcomes_pending','1');
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('decisions',5);
CREATE INDEX decisions_by_time ON decisions (requested_at_us, late);
CREATE INDEX outcomes_pending ON outcomes (observed_at_us) WHERE joined IS 0;
CREATE INDEX windows_by_start ON windows (kind, start_us);
CREATE INDEX windows_by_end ON windows (end_us, id);
CREATE INDEX windows_by_last_seq ON windows (kind, last_seq);
CREATE INDEX windows_stale ON windows (end_us, id) WHERE labels_seen > labels_computed;
CREATE INDEX windows_by_revision ON windows (revision);
CREATE INDEX windows_unannounced ON windows (end_us, id) WHERE revision > published_revision;
COMMIT;
