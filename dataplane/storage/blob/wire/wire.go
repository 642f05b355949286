// Package wire moves the bytes of objects from and to an object store that has an address of its own, as the SDK would, at a part of its price: over
// plain HTTP/1.1 on connections that it keeps, so that what is read goes from socket to socket within the kernel. Everything else is the SDK's.
package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"

	"github.com/wayli-app/fluxbase/internal/config"
)

// Client speaks to one object store.
type Client struct {
	endpoint    *url.URL
	pathStyle   bool
	region      string
	credentials aws.Credentials
	signer      *v4.Signer
	idle        idle
	// wait is how long an object's next bytes are waited for.
	wait time.Duration
	// checks is what is known of whether the store checks bodies.
	checks atomic.Int32
}

// Patience with the store: for a connection, for the head of an answer and for its next bytes.
const (
	dialTime = 5 * time.Second
	waitTime = time.Minute
)

// New makes a client of a store with an address, or nil for one without: the SDK knows where those are.
func New(c config.S3) (*Client, error) {
	if c.Endpoint == "" {
		return nil, nil //nolint:nilnil // there is none, and nothing is wrong
	}
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil || endpoint.Host == "" || (endpoint.Scheme != "http" && endpoint.Scheme != "https") {
		return nil, errors.New("FLUXBASE_S3_ENDPOINT is no http or https address")
	}
	return &Client{
		endpoint: endpoint, pathStyle: c.PathStyle, region: c.Region, wait: waitTime,
		credentials: aws.Credentials{AccessKeyID: c.AccessKey, SecretAccessKey: c.SecretKey.Reveal()},
		signer:      v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }),
	}, nil
}

// request makes and signs a request. Keys and buckets are of letters that need no escaping: they are ours.
func (c *Client) request(ctx context.Context, method, bucket, key string, header map[string]string) (*http.Request, error) {
	u := *c.endpoint
	if c.pathStyle {
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + bucket + "/" + key
	} else {
		u.Host = bucket + "." + u.Host
		u.Path = strings.TrimSuffix(u.Path, "/") + "/" + key
	}
	r, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	const unsigned = "UNSIGNED-PAYLOAD"
	r.Header.Set("X-Amz-Content-Sha256", unsigned)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return r, c.signer.SignHTTP(ctx, c.credentials, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", c.region, time.Now().UTC())
}

// head writes the head of a request.
func head(r *http.Request, size int64) []byte {
	var b bytes.Buffer
	b.Grow(1024)
	b.WriteString(r.Method + " " + r.URL.RequestURI() + " HTTP/1.1\r\nHost: " + r.URL.Host + "\r\n")
	if size >= 0 {
		b.WriteString("Content-Length: " + strconv.FormatInt(size, 10) + "\r\n")
	}
	_ = r.Header.Write(&b) // never fails
	b.WriteString("\r\n")
	return b.Bytes()
}

// conn is a connection to the store.
type conn struct {
	net.Conn
	read  *bufio.Reader
	since time.Time // when it came free
	host  string
}

func (c *Client) dial(ctx context.Context, host string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	address := host
	if _, _, err := net.SplitHostPort(host); err != nil {
		port := "80"
		if c.endpoint.Scheme == "https" {
			port = "443"
		}
		address = net.JoinHostPort(strings.Trim(host, "[]"), port)
	}
	var raw net.Conn
	var err error
	if c.endpoint.Scheme == "https" {
		raw, err = (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", address)
	} else {
		raw, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("connect to the object store: %w", err)
	}
	return &conn{Conn: raw, read: bufio.NewReaderSize(raw, 4<<10), host: host}, nil
}

// errStale says that a kept connection was closed by the store before it answered anything.
var errStale = errors.New("wire: the store had closed the connection")

// answer reads the head of an answer. An error of the store is one that has the code.
func (k *conn) answer(r *http.Request, kept bool) (*http.Response, error) {
	_ = k.SetReadDeadline(time.Now().Add(waitTime)) // fails on closed connections only, as reading does
	if kept {
		if _, err := k.read.Peek(1); err != nil {
			return nil, errors.Join(errStale, err)
		}
	}
	response, err := http.ReadResponse(k.read, r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	return response, failure(response)
}

// failure reads what the store refuses.
func failure(response *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	var said struct{ Code, Message string }
	if xml.Unmarshal(text, &said) != nil || said.Code == "" {
		said.Code = map[int]string{http.StatusNotFound: "NoSuchKey", http.StatusRequestedRangeNotSatisfiable: "InvalidRange"}[response.StatusCode]
		if said.Code == "" {
			said.Code = http.StatusText(response.StatusCode)
		}
	}
	return &smithy.GenericAPIError{Code: said.Code, Message: said.Message}
}
