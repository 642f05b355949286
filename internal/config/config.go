// Package config is the one typed configuration of every Fluxbase process: defaults, then a YAML file, then environment
// variables, then flags. It reports every fault at once, each by the name of its environment variable.
package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config is everything that an operator can set. The name of a setting's environment variable is FLUXBASE_ and its path
// in upper snake case: s3.access_key is FLUXBASE_S3_ACCESS_KEY.
type Config struct {
	// Dev is set by `fluxbase dev` and by nothing else.
	Dev bool `koanf:"-"`
	// Version is this program's, for those who ask.
	Version string `koanf:"-"`
	// DataDir holds what `fluxbase dev` keeps, and the worker's cache unless dataplane.cache_dir says otherwise.
	DataDir string `koanf:"data_dir"`
	// Listen is the one address of `fluxbase dev`. The host "localhost" means every loopback address.
	Listen string `koanf:"listen"`
	// Domain is under what projects have their subdomains.
	Domain string `koanf:"domain"`
	// PublicURL is the address of the console and of the management API.
	PublicURL string `koanf:"public_url"`
	// WorkerURL is the workers' own address, the base of /p/<ref>.
	WorkerURL string `koanf:"worker_url"`
	// ProjectURL is the pattern of projects' addresses, with {ref} in it.
	ProjectURL string `koanf:"project_url"`

	// MasterKey seals what is kept at rest; made by `fluxbase config new-master-key`.
	MasterKey Secret `koanf:"master_key"`
	// ServiceToken is what workers show to the control plane.
	ServiceToken Secret `koanf:"service_token"`
	// DatabaseURL is the control database.
	DatabaseURL Secret `koanf:"database_url"`
	// ClusterURL is the admin URL of the first cluster, registered at start as "default" when there is none.
	ClusterURL Secret `koanf:"cluster_url"`
	// JobsURL is the database of the workers' jobs: mails, messages, deliveries. It holds ids only, and is never the control database.
	JobsURL Secret `koanf:"jobs_url"`
	// RedisURL is Redis or Valkey: limits, usage, fan-out.
	RedisURL Secret `koanf:"redis_url"`
	// S3 is the object store.
	S3 S3 `koanf:"s3"`
	// Storage is how workers handle projects' files.
	Storage Storage `koanf:"storage"`
	// SMTP is the mail server.
	SMTP SMTP `koanf:"smtp"`

	// Operators are email addresses whose accounts become operators when a control plane starts. Sign up first. Without a mail server
	// nobody proves an address, and they appoint nobody: run `fluxbase operators add`.
	Operators []string `koanf:"operators"`
	// EgressAllow are networks that hooks, mail servers and identity providers of projects may be in although they are private; others such are
	// refused.
	EgressAllow []string `koanf:"egress_allow"`
	// TrustedProxies are the networks whose X-Forwarded-* headers are believed.
	TrustedProxies []string `koanf:"trusted_proxies"`
	// DeleteGrace is for how long a deleted project can be restored.
	DeleteGrace time.Duration `koanf:"delete_grace"`

	Controlplane Controlplane `koanf:"controlplane"`
	Dataplane    Dataplane    `koanf:"dataplane"`

	// MetricsListen is the address of Prometheus metrics; "" turns them off.
	MetricsListen string `koanf:"metrics_listen"`
	// LogLevel is debug, info, warn or error.
	LogLevel string `koanf:"log_level"`
	// LogFormat is json, text, or auto: text in `fluxbase dev`, else JSON.
	LogFormat string `koanf:"log_format"`
	// OTLPEndpoint is where traces go by OTLP over HTTP; "" turns them off.
	OTLPEndpoint string `koanf:"otlp_endpoint"`
	// DrainTimeout is how long requests may go on after a stop is asked for.
	DrainTimeout time.Duration `koanf:"drain_timeout"`
}

// S3 is the object store.
type S3 struct {
	// Endpoint is the address of the object store's API.
	Endpoint string `koanf:"endpoint"`
	// Region is the region that requests are signed for.
	Region string `koanf:"region"`
	// AccessKey may make and remove buckets.
	AccessKey string `koanf:"access_key"`
	// SecretKey belongs to the access key.
	SecretKey Secret `koanf:"secret_key"`
	// PathStyle puts the bucket's name into the path, not the host.
	PathStyle bool `koanf:"path_style"`
	// BucketPrefix begins the name of every bucket; the project's ref follows.
	BucketPrefix string `koanf:"bucket_prefix"`
}

// Storage is how workers handle projects' files.
type Storage struct {
	// TransferTimeout bounds one upload, download or export of a table; one that stands still ends after dataplane.request_timeout.
	TransferTimeout time.Duration `koanf:"transfer_timeout"`
	// TempDir is where uploads of unknown length and parts of resumable ones wait until the object store has them; "" is the system's.
	TempDir string `koanf:"temp_dir"`
	// CacheBytes is how many bytes of small files that are read often (up to 2 MiB each) a worker holds in memory, which grows by up to twice as much; 0 holds none.
	CacheBytes int `koanf:"cache_bytes"`
	// CacheDiskBytes is how many bytes of larger files that are read often a worker holds on disk (in the file system of storage.temp_dir, without names there), while
	// four times as much as is held stays free of it; 0 holds none, and so does a file system in memory. Linux only.
	CacheDiskBytes int `koanf:"cache_disk_bytes"`
	// ImageProgram is the program that resizes images; "" looks for fluxbase-images beside this one and in PATH.
	ImageProgram string `koanf:"image_program"`
	// ImageWorkers is how many images are resized at once; 0 is the number of processors.
	ImageWorkers int `koanf:"image_workers"`
	// ImageMemory bounds the memory of one of them, in bytes.
	ImageMemory int `koanf:"image_memory"`
	// ImageTimeout bounds the time for one image.
	ImageTimeout time.Duration `koanf:"image_timeout"`
	// ClamdURL is the virus scanner's socket, as unix:///run/clamav/clamd.ctl or tcp://host:3310; "" is none.
	ClamdURL string `koanf:"clamd_url"`
}

// SMTP is the mail server. Without a host no mail is sent.
type SMTP struct {
	// Host is the mail server's name.
	Host string `koanf:"host"`
	// Port is the mail server's port.
	Port int `koanf:"port"`
	// User signs in at the mail server; "" does not sign in.
	User string `koanf:"user"`
	// Password belongs to the user.
	Password Secret `koanf:"password"`
	// From is the address that mail comes from.
	From string `koanf:"from"`
	// TLS is starttls (required), tls (from the first byte) or none.
	TLS string `koanf:"tls"`
	// ProjectRate is how many mails one project without a mail server of its own sends by this one in an hour at most; 0 is no limit.
	ProjectRate int `koanf:"project_rate"`
}

// Controlplane is what only the control plane needs.
type Controlplane struct {
	// Listen is the address of a control plane that runs as a process of its own.
	Listen string `koanf:"listen"`
	// MaxConnections is how many connections to the control database a process holds at most.
	MaxConnections int `koanf:"max_connections"`
	// RequestsPerSecond is how often one account may use the management API of a process, and five times that at once; 0 is no limit.
	RequestsPerSecond int `koanf:"requests_per_second"`
	// StreamsPerAccount is how many projects one account may watch at once through a process; 0 is no limit.
	StreamsPerAccount int `koanf:"streams_per_account"`
	// UsageRetention is how long usage is kept by the minute; the sums by month stay.
	UsageRetention time.Duration `koanf:"usage_retention"`
}

// Dataplane is what only a worker needs.
type Dataplane struct {
	// Listen is the address of a worker that runs as a process of its own.
	Listen string `koanf:"listen"`
	// DirectoryURL is the control plane's address, as the workers see it.
	DirectoryURL string `koanf:"directory_url"`
	// CacheDir holds the sealed last-good copies of projects.
	CacheDir string `koanf:"cache_dir"`
	// MaxConnections is the worker's budget of connections over all projects.
	MaxConnections int `koanf:"max_connections"`
	// IdleTimeout is how long an unused connection is kept.
	IdleTimeout time.Duration `koanf:"idle_timeout"`
	// StaleLimit is how long a project is served on without word from the control plane.
	StaleLimit time.Duration `koanf:"stale_limit"`
	// MaxBodyBytes bounds the bodies of requests to REST, auth and meta.
	MaxBodyBytes int `koanf:"max_body_bytes"`
	// RequestTimeout bounds a request to REST and auth, and how long a client of meta or storage may stand still.
	RequestTimeout time.Duration `koanf:"request_timeout"`
}

// Default returns the defaults. No secret has one.
func Default() Config {
	return Config{
		Listen: "localhost:8000", Domain: "localhost",
		S3:            S3{Region: "us-east-1", PathStyle: true, BucketPrefix: "fluxbase-"},
		Storage:       Storage{TransferTimeout: 6 * time.Hour, CacheBytes: 32 << 20, CacheDiskBytes: 512 << 20, ImageMemory: 512 << 20, ImageTimeout: 20 * time.Second},
		SMTP:          SMTP{Port: 587, TLS: "starttls", ProjectRate: 100},
		DeleteGrace:   168 * time.Hour,
		Controlplane:  Controlplane{Listen: ":8000", MaxConnections: 20, RequestsPerSecond: 100, StreamsPerAccount: 100, UsageRetention: 90 * 24 * time.Hour},
		Dataplane:     Dataplane{Listen: ":8001", MaxConnections: 80, IdleTimeout: 30 * time.Second, StaleLimit: 24 * time.Hour, MaxBodyBytes: 10 << 20, RequestTimeout: time.Minute},
		MetricsListen: "127.0.0.1:9400", LogLevel: "info", LogFormat: "auto", DrainTimeout: 20 * time.Second,
	}
}

// ProjectBaseURL is a project's own address, "https://<ref>.<domain>".
func (c Config) ProjectBaseURL(ref string) string {
	return strings.ReplaceAll(c.ProjectURL, "{ref}", ref)
}

// PathURL is a project's address by path, for machines that know no wildcard names.
func (c Config) PathURL(ref string) string { return strings.TrimSuffix(c.WorkerURL, "/") + "/p/" + ref }

// Listening returns the configuration of a `fluxbase dev` that listens on addr, which matters when the port asked for
// was 0: the addresses that were not set follow.
func (c Config) Listening(addr string) Config {
	c.Listen = addr
	c.derive()
	return c
}

// EgressNetworks are the private networks that projects' hooks, mail servers and identity providers may be in. In `fluxbase dev` this machine is one.
func (c Config) EgressNetworks() []netip.Prefix {
	names := c.EgressAllow
	if c.Dev {
		names = append([]string{"127.0.0.0/8", "::1/128"}, names...)
	}
	var out []netip.Prefix
	for _, name := range names {
		if network, err := parseNetwork(name); err == nil {
			out = append(out, network)
		}
	}
	return out
}

// derive fills what was not set from what was.
func (c *Config) derive() {
	setDefault(&c.DataDir, defaultDataDir())
	if c.DataDir != "" {
		setDefault(&c.Dataplane.CacheDir, filepath.Join(c.DataDir, "directory"))
	}
	if !c.Dev {
		setDefault(&c.Dataplane.DirectoryURL, c.PublicURL)
		if u, err := url.Parse(c.WorkerURL); err == nil && u.Host != "" {
			setDefault(&c.ProjectURL, u.Scheme+"://{ref}."+withPort(c.Domain, u.Port()))
		}
		return
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port == "0" {
		return
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	if c.Domain != "localhost" {
		host = c.Domain
	}
	setDefault(&c.PublicURL, "http://"+withPort(host, port))
	setDefault(&c.WorkerURL, "http://"+withPort(host, port))
	setDefault(&c.ProjectURL, "http://{ref}."+withPort(c.Domain, port))
}

// defaultDataDir is /var/lib/fluxbase for root, else the user's own data folder; "" when the user has no home.
func defaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/fluxbase"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "fluxbase")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "fluxbase")
	}
	return ""
}

func withPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || port == "80" {
		return host
	}
	return host + ":" + port
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
