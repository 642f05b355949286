package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wayli-app/fluxbase/internal/seal"
)

// Part is a process, or a piece of one, that needs some settings.
type Part int

// The parts. ForDev needs what `fluxbase dev` cannot make itself: next to nothing.
const (
	ForDev Part = iota + 1
	ForControlplane
	ForDataplane
	// ForDatabase is a command that only needs the control database.
	ForDatabase
)

// Faults is everything that is wrong with a configuration: sentences that name the setting and say what to do.
type Faults []string

// Error lists the faults, one a line.
func (f Faults) Error() string {
	if len(f) == 1 {
		return "The configuration has a fault:\n  - " + f[0]
	}
	return fmt.Sprintf("The configuration has %d faults:\n  - %s", len(f), strings.Join(f, "\n  - "))
}

func (f *Faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// Check reports everything that is wrong or missing for the parts, as a Faults.
func (c Config) Check(parts ...Part) error {
	if f := c.faults(parts); len(f) > 0 {
		slices.Sort(f)
		return f
	}
	return nil
}

func (c Config) faults(parts []Part) Faults {
	var f Faults
	c.checkRequired(&f, parts)
	c.checkURLs(&f)
	c.checkNetwork(&f)
	c.checkSecrets(&f)
	c.checkChoices(&f)
	c.checkNumbers(&f)
	return f
}

func (c Config) checkRequired(f *Faults, parts []Part) {
	need := func(value, path, advice string) {
		if fault := fmt.Sprintf("%s is not set: %s.", EnvName(path), advice); value == "" && !slices.Contains(*f, fault) {
			f.add("%s", fault)
		}
	}
	for _, part := range parts {
		switch part {
		case ForDev:
			need(c.Listen, "listen", "give the address to serve on, for example localhost:8000")
			need(c.Domain, "domain", "give the domain under which projects have their subdomains, for example localhost")
			need(c.DataDir, "data_dir", "give the folder that keeps everything, because you have no home folder")
		case ForDatabase:
			need(c.DatabaseURL.Reveal(), "database_url", "give the URL of the control database, postgres://user:password@host:5432/fluxbase")
		case ForControlplane:
			need(c.DatabaseURL.Reveal(), "database_url", "give the URL of the control database, postgres://user:password@host:5432/fluxbase")
			need(c.PublicURL, "public_url", "give the address at which people reach the console, for example https://console.example.com")
			need(c.WorkerURL, "worker_url", "give the address of the workers, for example https://api.example.com")
			need(c.Controlplane.Listen, "controlplane.listen", "give the address to serve on, for example :8000")
			need(c.S3.Endpoint, "s3.endpoint", "give the address of the object store, for example https://s3.eu-central-1.amazonaws.com")
			need(c.S3.AccessKey, "s3.access_key", "give the access key of the object store")
			need(c.S3.SecretKey.Reveal(), "s3.secret_key", "give the secret key of the object store")
			c.needBoth(need)
		case ForDataplane:
			need(c.Dataplane.Listen, "dataplane.listen", "give the address to serve on, for example :8001")
			need(c.Dataplane.DirectoryURL, "dataplane.directory_url", "give the control plane's address as the workers see it, for example http://controlplane:8000")
			need(c.JobsURL.Reveal(), "jobs_url", "give the URL of a database for the workers' jobs, which is not the control database: postgres://user:password@host:5432/fluxbase_jobs")
			need(c.Dataplane.CacheDir, "dataplane.cache_dir", "give the folder for last-good copies of projects, because you have no home folder")
			c.needBoth(need)
		}
	}
}

// needBoth asks for what both planes need.
func (c Config) needBoth(need func(value, path, advice string)) {
	need(c.MasterKey.Reveal(), "master_key", "make a key with `fluxbase config new-master-key`, give it to every process, and keep a copy: what is sealed with it is lost without it")
	need(c.ServiceToken.Reveal(), "service_token", "give a random text of at least 32 characters, the same to control planes and workers")
	need(c.RedisURL.Reveal(), "redis_url", "give the address of Redis or Valkey, redis://host:6379/0")
	need(c.Domain, "domain", "give the domain under which projects have their subdomains")
}

func (c Config) checkURLs(f *Faults) {
	http := []string{"http", "https"}
	checkURL := func(path, value string, schemes []string) {
		if value == "" {
			return
		}
		u, err := url.Parse(value) // its error repeats the value, which may hold a password
		if err != nil || !slices.Contains(schemes, u.Scheme) || (u.Host == "" && u.Scheme != "unix") {
			f.add("%s is no valid address: it must begin with %s:// and name a host.", EnvName(path), strings.Join(schemes, ":// or "))
		}
	}
	checkURL("public_url", c.PublicURL, http)
	checkURL("worker_url", c.WorkerURL, http)
	checkURL("project_url", strings.ReplaceAll(c.ProjectURL, "{ref}", "ref"), http)
	checkURL("s3.endpoint", c.S3.Endpoint, http)
	checkURL("dataplane.directory_url", c.Dataplane.DirectoryURL, http)
	checkURL("storage.clamd_url", c.Storage.ClamdURL, []string{"unix", "tcp"})
	checkURL("otlp_endpoint", c.OTLPEndpoint, http)
	checkURL("redis_url", c.RedisURL.Reveal(), []string{"redis", "rediss", "unix"})
	for path, value := range map[string]Secret{"database_url": c.DatabaseURL, "cluster_url": c.ClusterURL, "jobs_url": c.JobsURL} {
		checkURL(path, value.Reveal(), []string{"postgres", "postgresql"})
	}
	if jobs := databaseOf(c.JobsURL); jobs != "" && jobs == databaseOf(c.DatabaseURL) {
		f.add("FLUXBASE_JOBS_URL names the control database: give the workers' jobs a database of their own, for example fluxbase_jobs.")
	}
	if c.ProjectURL != "" && !strings.Contains(c.ProjectURL, "://{ref}.") {
		f.add("FLUXBASE_PROJECT_URL must have {ref} as the first label of its host, for example https://{ref}.example.com.")
	}
}

// databaseOf names a database by host, port and name, or is "" for what is no address.
func databaseOf(address Secret) string {
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" {
		return ""
	}
	port, name := u.Port(), strings.TrimPrefix(u.Path, "/")
	if port == "" {
		port = "5432"
	}
	if name == "" {
		name = u.User.Username() // as libpq does
	}
	return strings.ToLower(u.Hostname()) + ":" + port + "/" + name
}

// parseNetwork reads a network or a single address.
func parseNetwork(s string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(s); err == nil {
		return address.Prefix(address.BitLen())
	}
	network, err := netip.ParsePrefix(s)
	return network.Masked(), err
}

var domainName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

func (c Config) checkNetwork(f *Faults) {
	if c.Domain != "" && (!domainName.MatchString(c.Domain) || len(c.Domain) > 230) {
		f.add("FLUXBASE_DOMAIN is %q: it must be a domain name in lower case, without scheme and port, for example example.com.", c.Domain)
	}
	for path, value := range map[string]string{
		"listen": c.Listen, "controlplane.listen": c.Controlplane.Listen, "dataplane.listen": c.Dataplane.Listen, "metrics_listen": c.MetricsListen,
	} {
		if value == "" {
			continue
		}
		_, port, err := net.SplitHostPort(value)
		n, convErr := strconv.Atoi(port)
		if err != nil || convErr != nil || n < 0 || n > 65535 {
			f.add("%s is %q: it must be host:port or :port, with a port from 0 to 65535.", EnvName(path), value)
		}
	}
	for path, networks := range map[string][]string{"trusted_proxies": c.TrustedProxies, "egress_allow": c.EgressAllow} {
		for _, network := range networks {
			if _, err := parseNetwork(network); err != nil {
				f.add("%s has %q: each must be an address or a network, for example 10.0.0.0/8.", EnvName(path), network)
			}
		}
	}
	for _, address := range c.Operators {
		if _, err := mail.ParseAddress(address); err != nil {
			f.add("FLUXBASE_OPERATORS has %q, which is no email address.", address)
		}
	}
}

func (c Config) checkSecrets(f *Faults) {
	if c.MasterKey != "" {
		if _, err := seal.New(c.MasterKey.Reveal()); err != nil {
			f.add("FLUXBASE_MASTER_KEY is no master key: make one with `fluxbase config new-master-key`.")
		}
	}
	if n := len(c.ServiceToken); n > 0 && n < 32 {
		f.add("FLUXBASE_SERVICE_TOKEN has %d characters: it must be a random text of at least 32.", n)
	}
	if c.SMTP.Host != "" {
		if c.SMTP.From == "" {
			f.add("FLUXBASE_SMTP_FROM is not set: give the address that mail comes from, because FLUXBASE_SMTP_HOST is set.")
		} else if _, err := mail.ParseAddress(c.SMTP.From); err != nil {
			f.add("FLUXBASE_SMTP_FROM is %q, which is no email address.", c.SMTP.From)
		}
		if c.SMTP.User != "" && c.SMTP.TLS == "none" && c.SMTP.Host != "localhost" && c.SMTP.Host != "127.0.0.1" {
			f.add("FLUXBASE_SMTP_TLS is none, which would send FLUXBASE_SMTP_PASSWORD over the network in clear: use starttls or tls.")
		}
	}
	if c.S3.Endpoint != "" && (c.S3.AccessKey == "") != (c.S3.SecretKey == "") {
		f.add("FLUXBASE_S3_ACCESS_KEY and FLUXBASE_S3_SECRET_KEY belong together: set both.")
	}
}

var bucketPrefix = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,39})?$`)

func (c Config) checkChoices(f *Faults) {
	choice := func(path, value string, choices ...string) {
		if !slices.Contains(choices, value) {
			f.add("%s is %q: it must be one of %s.", EnvName(path), value, strings.Join(choices, ", "))
		}
	}
	choice("log_level", c.LogLevel, "debug", "info", "warn", "error")
	choice("log_format", c.LogFormat, "auto", "json", "text")
	choice("smtp.tls", c.SMTP.TLS, "starttls", "tls", "none")
	if !bucketPrefix.MatchString(c.S3.BucketPrefix) {
		f.add("FLUXBASE_S3_BUCKET_PREFIX is %q: use up to 40 of a-z, 0-9 and -, beginning with a letter or digit.", c.S3.BucketPrefix)
	}
}

func (c Config) checkNumbers(f *Faults) {
	atLeast := func(path string, value, least int) {
		if value < least {
			f.add("%s is %d: it must be at least %d.", EnvName(path), value, least)
		}
	}
	atLeast("controlplane.max_connections", c.Controlplane.MaxConnections, 4)
	atLeast("controlplane.requests_per_second", c.Controlplane.RequestsPerSecond, 0)
	atLeast("controlplane.streams_per_account", c.Controlplane.StreamsPerAccount, 0)
	atLeast("dataplane.max_connections", c.Dataplane.MaxConnections, 2)
	atLeast("storage.cache_bytes", c.Storage.CacheBytes, 0)
	atLeast("storage.cache_disk_bytes", c.Storage.CacheDiskBytes, 0)
	atLeast("storage.image_workers", c.Storage.ImageWorkers, 0)
	atLeast("storage.image_memory", c.Storage.ImageMemory, 64<<20)
	atLeast("smtp.project_rate", c.SMTP.ProjectRate, 0)
	if c.SMTP.Port < 1 || c.SMTP.Port > 65535 {
		f.add("FLUXBASE_SMTP_PORT is %d: it must be from 1 to 65535.", c.SMTP.Port)
	}
	for path, value := range map[string]time.Duration{
		"delete_grace": c.DeleteGrace, "dataplane.idle_timeout": c.Dataplane.IdleTimeout,
		"dataplane.stale_limit": c.Dataplane.StaleLimit, "drain_timeout": c.DrainTimeout,
		"storage.transfer_timeout": c.Storage.TransferTimeout, "storage.image_timeout": c.Storage.ImageTimeout,
		"dataplane.request_timeout": c.Dataplane.RequestTimeout, "controlplane.usage_retention": c.Controlplane.UsageRetention,
	} {
		if value < 0 || (value == 0 && path != "delete_grace") {
			f.add("%s is %s: it must be more than zero.", EnvName(path), value)
		}
	}
}
