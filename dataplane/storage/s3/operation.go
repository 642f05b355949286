package s3

import (
	"net/http"
	"slices"
	"strings"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// place is what a path names.
type place int

const (
	theService place = iota
	aBucket
	anObject
)

// operation is one of S3's.
type operation struct {
	name   string
	method string
	at     place
	// query are parameters that tell it from others, header one that does.
	query  []string
	header string
	serve  func(*Service, *call) error
}

// operations are all that are there. The first that fits is meant.
var operations = []operation{
	{"ListBuckets", http.MethodGet, theService, nil, "", (*Service).listBuckets},

	{"GetBucketLocation", http.MethodGet, aBucket, []string{"location"}, "", (*Service).getBucketLocation},
	{"GetBucketVersioning", http.MethodGet, aBucket, []string{"versioning"}, "", (*Service).getBucketVersioning},
	{"GetBucketAcl", http.MethodGet, aBucket, []string{"acl"}, "", (*Service).getBucketACL},
	{"ListMultipartUploads", http.MethodGet, aBucket, []string{"uploads"}, "", (*Service).listMultipartUploads},
	{"DeleteObjects", http.MethodPost, aBucket, []string{"delete"}, "", (*Service).deleteObjects},
	{"ListObjects", http.MethodGet, aBucket, nil, "", (*Service).listObjects}, // of both versions
	{"HeadBucket", http.MethodHead, aBucket, nil, "", (*Service).headBucket},
	{"CreateBucket", http.MethodPut, aBucket, nil, "", (*Service).createBucket},
	{"DeleteBucket", http.MethodDelete, aBucket, nil, "", (*Service).deleteBucket},

	{"GetObjectTagging", http.MethodGet, anObject, []string{"tagging"}, "", (*Service).getObjectTagging},
	{"PutObjectTagging", http.MethodPut, anObject, []string{"tagging"}, "", (*Service).putObjectTagging},
	{"DeleteObjectTagging", http.MethodDelete, anObject, []string{"tagging"}, "", (*Service).deleteObjectTagging},
	{"GetObjectAttributes", http.MethodGet, anObject, []string{"attributes"}, "", (*Service).getObjectAttributes},
	{"GetObjectAcl", http.MethodGet, anObject, []string{"acl"}, "", (*Service).getObjectACL},
	{"CreateMultipartUpload", http.MethodPost, anObject, []string{"uploads"}, "", (*Service).createMultipartUpload},
	{"UploadPartCopy", http.MethodPut, anObject, []string{"uploadId", "partNumber"}, "X-Amz-Copy-Source", (*Service).uploadPartCopy},
	{"UploadPart", http.MethodPut, anObject, []string{"uploadId", "partNumber"}, "", (*Service).uploadPart},
	{"ListParts", http.MethodGet, anObject, []string{"uploadId"}, "", (*Service).listParts},
	{"CompleteMultipartUpload", http.MethodPost, anObject, []string{"uploadId"}, "", (*Service).completeMultipartUpload},
	{"AbortMultipartUpload", http.MethodDelete, anObject, []string{"uploadId"}, "", (*Service).abortMultipartUpload},
	{"CopyObject", http.MethodPut, anObject, nil, "X-Amz-Copy-Source", (*Service).copyObject},
	{"PutObject", http.MethodPut, anObject, nil, "", (*Service).putObject},
	{"GetObject", http.MethodGet, anObject, nil, "", (*Service).getObject},
	{"HeadObject", http.MethodHead, anObject, nil, "", (*Service).headObject},
	{"DeleteObject", http.MethodDelete, anObject, nil, "", (*Service).deleteObject},
}

// Operations lists the names of what is there.
func Operations() []string {
	out := make([]string, 0, len(operations))
	for _, op := range operations {
		out = append(out, op.name)
	}
	return out
}

// subresources are parameters that make another operation of a request: one that is not there must not be taken for a plain one.
var subresources = []string{
	"accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location",
	"logging", "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
	"publicAccessBlock", "renameObject", "replication", "requestPayment", "restore", "retention", "select", "session", "tagging", "torrent", "uploadId", "uploads",
	"versioning", "versions", "website",
}

func notImplemented(what string) error {
	return fault.New(fault.Unimplemented, "NOT_IMPLEMENTED", "A header or query you provided implies functionality that is not implemented: %.60s", what)
}

// operation finds what a request asks for.
func (c *call) operation() (*operation, error) {
	at := theService
	switch {
	case c.key != "":
		at = anObject
	case c.bucket != "":
		at = aBucket
	}
	for i := range operations {
		op := &operations[i]
		if op.at != at || op.method != c.r.Method || op.header != "" && c.r.Header.Get(op.header) == "" ||
			slices.ContainsFunc(op.query, func(q string) bool { return !c.sig.Query.Has(q) }) {
			continue
		}
		for _, sub := range subresources {
			if c.sig.Query.Has(sub) && !slices.Contains(op.query, sub) {
				return nil, notImplemented(sub)
			}
		}
		return op, nil
	}
	for _, sub := range subresources {
		if c.sig.Query.Has(sub) {
			return nil, notImplemented(sub)
		}
	}
	if at == aBucket && c.r.Method == http.MethodPost {
		return nil, notImplemented("uploads by HTML forms")
	}
	return nil, fault.New(fault.Invalid, "METHOD_NOT_ALLOWED", "The specified method is not allowed against this resource.")
}

// promises refuses what a request asks to be promised and nobody here keeps.
func (c *call) promises() error {
	for header, values := range c.r.Header {
		lower := strings.ToLower(header)
		value := values[0]
		switch {
		case strings.HasPrefix(lower, "x-amz-server-side-encryption-customer"), strings.HasPrefix(lower, "x-amz-copy-source-server-side-encryption-customer"),
			strings.HasPrefix(lower, "x-amz-server-side-encryption-aws"), lower == "x-amz-server-side-encryption" && value != "AES256",
			strings.HasPrefix(lower, "x-amz-object-lock-"), lower == "x-amz-bucket-object-lock-enabled" && !strings.EqualFold(value, "false"),
			lower == "x-amz-website-redirect-location", lower == "x-amz-write-offset-bytes", strings.HasPrefix(lower, "x-amz-if-match-"):
			return notImplemented(lower)
		case lower == "x-amz-acl" && value != "private" && value != "bucket-owner-full-control", strings.HasPrefix(lower, "x-amz-grant-"):
			return fault.New(fault.Invalid, "ACCESS_CONTROL_LIST_NOT_SUPPORTED", "The bucket does not allow ACLs: the project's policies decide, and whether the bucket is public.")
		}
	}
	if version := c.sig.Query.Get("versionId"); version != "" && version != "null" {
		return fault.New(fault.NotFound, "NO_SUCH_VERSION", "The specified version does not exist: there are no versions.")
	}
	return nil
}
