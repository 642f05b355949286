// Package document is S3's XML: what clients send and are sent, and errors.
package document

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wayli-app/fluxbase/internal/fault"
)

// namespace is that of every answer but errors.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// MaxBody and maxMarks bound the documents that clients send: a thousand keys to delete, or ten thousand parts.
const (
	MaxBody  = 2 << 20
	maxMarks = 130_000
)

// Time is a time as S3 writes it into documents.
type Time time.Time

// MarshalText writes the time.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format("2006-01-02T15:04:05.000Z")), nil
}

// Owner is whose something is.
type Owner struct {
	ID          string `xml:"ID"`
	DisplayName string `xml:"DisplayName,omitempty"`
}

// Buckets answers ListBuckets.
type Buckets struct {
	XMLName           xml.Name `xml:"ListAllMyBucketsResult"`
	Namespace         string   `xml:"xmlns,attr"`
	Owner             Owner    `xml:"Owner"`
	Buckets           []Bucket `xml:"Buckets>Bucket"`
	ContinuationToken string   `xml:"ContinuationToken,omitempty"`
	Prefix            string   `xml:"Prefix,omitempty"`
}

// Bucket is one of them.
type Bucket struct {
	Name         string `xml:"Name"`
	CreationDate Time   `xml:"CreationDate"`
}

// Location answers GetBucketLocation.
type Location struct {
	XMLName   xml.Name `xml:"LocationConstraint"`
	Namespace string   `xml:"xmlns,attr"`
	Region    string   `xml:",chardata"`
}

// Versioning answers GetBucketVersioning: it is off.
type Versioning struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Namespace string   `xml:"xmlns,attr"`
}

// Content is an object of a listing.
type Content struct {
	Key          string `xml:"Key"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Size         int64  `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
	Owner        *Owner `xml:"Owner,omitempty"`
}

// CommonPrefix is a folder of a listing.
type CommonPrefix struct {
	Prefix string `xml:"Prefix"`
}

// List answers ListObjects of both versions.
type List struct {
	XMLName               xml.Name       `xml:"ListBucketResult"`
	Namespace             string         `xml:"xmlns,attr"`
	Name                  string         `xml:"Name"`
	Prefix                string         `xml:"Prefix"`
	Marker                *string        `xml:"Marker"`
	NextMarker            string         `xml:"NextMarker,omitempty"`
	StartAfter            string         `xml:"StartAfter,omitempty"`
	ContinuationToken     string         `xml:"ContinuationToken,omitempty"`
	NextContinuationToken string         `xml:"NextContinuationToken,omitempty"`
	KeyCount              *int           `xml:"KeyCount"`
	MaxKeys               int            `xml:"MaxKeys"`
	Delimiter             string         `xml:"Delimiter,omitempty"`
	EncodingType          string         `xml:"EncodingType,omitempty"`
	IsTruncated           bool           `xml:"IsTruncated"`
	Contents              []Content      `xml:"Contents"`
	CommonPrefixes        []CommonPrefix `xml:"CommonPrefixes"`
}

// Copied answers CopyObject.
type Copied struct {
	XMLName      xml.Name `xml:"CopyObjectResult"`
	Namespace    string   `xml:"xmlns,attr"`
	LastModified Time     `xml:"LastModified"`
	ETag         string   `xml:"ETag"`
}

// CopiedPart answers UploadPartCopy.
type CopiedPart struct {
	XMLName      xml.Name `xml:"CopyPartResult"`
	Namespace    string   `xml:"xmlns,attr"`
	LastModified Time     `xml:"LastModified"`
	ETag         string   `xml:"ETag"`
}

// Delete is what DeleteObjects asks for.
type Delete struct {
	XMLName xml.Name `xml:"Delete"`
	Quiet   bool     `xml:"Quiet"`
	Objects []struct {
		Key       string `xml:"Key"`
		VersionID string `xml:"VersionId"`
		ETag      string `xml:"ETag"`
	} `xml:"Object"`
}

// Deleted answers DeleteObjects.
type Deleted struct {
	XMLName   xml.Name       `xml:"DeleteResult"`
	Namespace string         `xml:"xmlns,attr"`
	Deleted   []DeletedKey   `xml:"Deleted"`
	Errors    []DeletedError `xml:"Error"`
}

// DeletedKey is a key that is gone.
type DeletedKey struct {
	Key string `xml:"Key"`
}

// DeletedError is a key that is not.
type DeletedError struct {
	Key     string `xml:"Key"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}

// Initiated answers CreateMultipartUpload.
type Initiated struct {
	XMLName   xml.Name `xml:"InitiateMultipartUploadResult"`
	Namespace string   `xml:"xmlns,attr"`
	Bucket    string   `xml:"Bucket"`
	Key       string   `xml:"Key"`
	UploadID  string   `xml:"UploadId"`
}

// Complete is what CompleteMultipartUpload asks for.
type Complete struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []struct {
		PartNumber int32  `xml:"PartNumber"`
		ETag       string `xml:"ETag"`
	} `xml:"Part"`
}

// Completed answers it.
type Completed struct {
	XMLName   xml.Name `xml:"CompleteMultipartUploadResult"`
	Namespace string   `xml:"xmlns,attr"`
	Location  string   `xml:"Location"`
	Bucket    string   `xml:"Bucket"`
	Key       string   `xml:"Key"`
	ETag      string   `xml:"ETag"`
}

// Part is a part of an upload.
type Part struct {
	PartNumber   int32  `xml:"PartNumber"`
	LastModified Time   `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Size         int64  `xml:"Size"`
}

// Parts answers ListParts.
type Parts struct {
	XMLName              xml.Name `xml:"ListPartsResult"`
	Namespace            string   `xml:"xmlns,attr"`
	Bucket               string   `xml:"Bucket"`
	Key                  string   `xml:"Key"`
	UploadID             string   `xml:"UploadId"`
	Initiator            Owner    `xml:"Initiator"`
	Owner                Owner    `xml:"Owner"`
	StorageClass         string   `xml:"StorageClass"`
	PartNumberMarker     int32    `xml:"PartNumberMarker"`
	NextPartNumberMarker int32    `xml:"NextPartNumberMarker,omitempty"`
	MaxParts             int      `xml:"MaxParts"`
	EncodingType         string   `xml:"EncodingType,omitempty"`
	IsTruncated          bool     `xml:"IsTruncated"`
	Parts                []Part   `xml:"Part"`
}

// Upload is an upload in parts.
type Upload struct {
	Key          string `xml:"Key"`
	UploadID     string `xml:"UploadId"`
	Initiator    Owner  `xml:"Initiator"`
	Owner        Owner  `xml:"Owner"`
	StorageClass string `xml:"StorageClass"`
	Initiated    Time   `xml:"Initiated"`
}

// Uploads answers ListMultipartUploads.
type Uploads struct {
	XMLName            xml.Name       `xml:"ListMultipartUploadsResult"`
	Namespace          string         `xml:"xmlns,attr"`
	Bucket             string         `xml:"Bucket"`
	KeyMarker          string         `xml:"KeyMarker"`
	UploadIDMarker     string         `xml:"UploadIdMarker"`
	NextKeyMarker      string         `xml:"NextKeyMarker,omitempty"`
	NextUploadIDMarker string         `xml:"NextUploadIdMarker,omitempty"`
	Prefix             string         `xml:"Prefix"`
	Delimiter          string         `xml:"Delimiter,omitempty"`
	EncodingType       string         `xml:"EncodingType,omitempty"`
	MaxUploads         int            `xml:"MaxUploads"`
	IsTruncated        bool           `xml:"IsTruncated"`
	Uploads            []Upload       `xml:"Upload"`
	CommonPrefixes     []CommonPrefix `xml:"CommonPrefixes"`
}

// Tag is a name and a value.
type Tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// Tagging are an object's tags, both asked for and answered.
type Tagging struct {
	XMLName   xml.Name `xml:"Tagging"`
	Namespace string   `xml:"xmlns,attr,omitempty"`
	Tags      []Tag    `xml:"TagSet>Tag"`
}

// Grant is a right of a list of rights.
type Grant struct {
	Grantee struct {
		XSI         string `xml:"xmlns:xsi,attr"`
		Type        string `xml:"xsi:type,attr"`
		ID          string `xml:"ID"`
		DisplayName string `xml:"DisplayName,omitempty"`
	} `xml:"Grantee"`
	Permission string `xml:"Permission"`
}

// ACL answers GetBucketAcl and GetObjectAcl.
type ACL struct {
	XMLName   xml.Name `xml:"AccessControlPolicy"`
	Namespace string   `xml:"xmlns,attr"`
	Owner     Owner    `xml:"Owner"`
	Grants    []Grant  `xml:"AccessControlList>Grant"`
}

// FullControl is the list that gives everything to one.
func FullControl(owner Owner) ACL {
	g := Grant{Permission: "FULL_CONTROL"}
	g.Grantee.XSI, g.Grantee.Type, g.Grantee.ID, g.Grantee.DisplayName = "http://www.w3.org/2001/XMLSchema-instance", "CanonicalUser", owner.ID, owner.DisplayName
	return ACL{Namespace: namespace, Owner: owner, Grants: []Grant{g}}
}

// Attributes answers GetObjectAttributes.
type Attributes struct {
	XMLName      xml.Name   `xml:"GetObjectAttributesResponse"`
	Namespace    string     `xml:"xmlns,attr"`
	ETag         string     `xml:"ETag,omitempty"`
	StorageClass string     `xml:"StorageClass,omitempty"`
	ObjectSize   *int64     `xml:"ObjectSize"`
	ObjectParts  *PartCount `xml:"ObjectParts"`
}

// PartCount is how many parts an object was uploaded in.
type PartCount struct {
	Count int `xml:"PartsCount"`
}

// Namespace is what documents carry in the attribute xmlns.
func Namespace() string { return namespace }

// Write sends a document.
func Write(w http.ResponseWriter, status int, document any) {
	body, err := xml.Marshal(document)
	if err != nil { // own types always encode
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(xml.Header)+len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, xml.Header)
	_, _ = w.Write(body)
}

// errMalformed refuses what is no document of the right form.
func errMalformed(cause error) error {
	return fault.Wrap(cause, fault.Invalid, "MALFORMED_XML", "The XML you provided was not well-formed or did not validate against our published schema.")
}

// Read reads a document of up to MaxBody bytes.
func Read(body io.Reader, size int64, into any) error {
	if size > MaxBody {
		return fault.New(fault.Invalid, "MAX_MESSAGE_LENGTH_EXCEEDED", "The document must not be larger than %d bytes.", MaxBody)
	}
	text, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	switch {
	case err != nil:
		return err
	case len(text) > MaxBody:
		return fault.New(fault.Invalid, "MAX_MESSAGE_LENGTH_EXCEEDED", "The document must not be larger than %d bytes.", MaxBody)
	case len(text) == 0 || !utf8.Valid(text) || bytes.Count(text, []byte("<")) > maxMarks:
		return errMalformed(nil)
	}
	if err := xml.Unmarshal(text, into); err != nil {
		return errMalformed(err)
	}
	return nil
}

// Encode writes a name as a listing's encoding-type asks: "url", or not at all.
func Encode(name, encoding string) string {
	if encoding != "url" {
		return name
	}
	return strings.ReplaceAll(url.QueryEscape(name), "%2F", "/")
}
