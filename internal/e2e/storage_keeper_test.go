package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// keeper is one client, with names of its own, and what it knows of them.
type keeper struct {
	*files
	name   string
	random *rand.Rand
	n      int
	// sure are the files as they are for certain. Names that an operation touched whose answer was lost are used no more: their files are as one of
	// the ways tells.
	sure   map[string][]byte
	unsure [][]map[string][]byte
	counts map[string]int
}

// content is unlike any other.
func (k *keeper) content(size int) []byte {
	out := make([]byte, size)
	seed := sha256.Sum256([]byte(fmt.Sprint(k.name, "/", k.n)))
	_, _ = rand.NewChaCha8(seed).Read(out)
	k.n++
	return out
}

func (k *keeper) size() int {
	return []int{0, 1, 1000, 30_000, 65_536, 65_537, 200_000}[k.random.IntN(7)]
}

func (k *keeper) fresh() string { k.n++; return fmt.Sprintf("%s/Größe %d.bin", k.name, k.n) }

// one is a name that is sure.
func (k *keeper) one() (string, bool) {
	for name := range k.sure {
		return name, true
	}
	return "", false
}

// operate does one operation, and learns from its answer.
func (k *keeper) operate(ctx context.Context) {
	from, some := k.one()
	if len(k.sure) < 4 {
		some = false
	}
	to := k.fresh()
	if !some {
		k.upload(ctx, to)
		return
	}
	switch k.random.IntN(20) {
	case 0, 1, 2, 3:
		k.upload(ctx, to)
	case 4, 5, 6, 7:
		content := k.content(k.size())
		status, err := k.put(ctx, http.MethodPost, from, content, map[string]string{"x-upsert": "true"})
		k.learn("upsert", ok(status, err), err, k.now(from), map[string][]byte{from: content})
	case 8, 9, 10, 11:
		status, _, err := k.request(ctx, http.MethodDelete, "/object/"+keptBucket, encode(map[string]any{"prefixes": []string{from}}), nil)
		k.learn("delete", ok(status, err), err, k.now(from), map[string][]byte{from: nil})
	case 12, 13:
		status, _, err := k.request(ctx, http.MethodPost, "/object/copy", encode(map[string]any{"bucketId": keptBucket, "sourceKey": from, "destinationKey": to}), nil)
		k.learn("copy", ok(status, err), err, k.now(from, to), map[string][]byte{from: k.sure[from], to: k.sure[from]})
	case 14, 15:
		status, _, err := k.request(ctx, http.MethodPost, "/object/move", encode(map[string]any{"bucketId": keptBucket, "sourceKey": from, "destinationKey": to}), nil)
		k.learn("move", ok(status, err), err, k.now(from, to), map[string][]byte{from: nil, to: k.sure[from]})
	case 16, 17, 18:
		content := k.content(150_000)
		err := k.resumable(ctx, to, content)
		k.learn("TUS", err == nil, err, k.now(to), map[string][]byte{to: content})
	case 19:
		content := k.content(5<<20 + 1000)
		err := k.inParts(ctx, to, content)
		k.learn("S3 in parts", err == nil, err, k.now(to), map[string][]byte{to: content})
	}
}

func (k *keeper) upload(ctx context.Context, name string) {
	content := k.content(k.size())
	status, err := k.put(ctx, http.MethodPost, name, content, nil)
	k.learn("upload", ok(status, err), err, k.now(name), map[string][]byte{name: content})
}

func (k *keeper) put(ctx context.Context, method, name string, content []byte, header map[string]string) (int, error) {
	with := map[string]string{"Content-Type": "application/octet-stream"}
	for h, v := range header {
		with[h] = v
	}
	status, _, err := k.request(ctx, method, "/object/"+keptBucket+"/"+escape(name), content, with)
	return status, err
}

func escape(name string) string {
	return strings.NewReplacer(" ", "%20", "ö", "%C3%B6", "ß", "%C3%9F").Replace(name)
}

func encode(v any) []byte {
	out, _ := json.Marshal(v)
	return out
}

// now is how names are.
func (k *keeper) now(names ...string) map[string][]byte {
	out := map[string][]byte{}
	for _, name := range names {
		out[name] = k.sure[name]
	}
	return out
}

// learn takes what was acknowledged for sure, and the rest for one or the other.
func (k *keeper) learn(what string, acknowledged bool, err error, before, after map[string][]byte) {
	switch {
	case acknowledged:
		k.counts[what]++
		for name, content := range after {
			if k.sure[name] = content; content == nil {
				delete(k.sure, name)
				k.unsure = append(k.unsure, []map[string][]byte{{name: nil}})
			}
		}
	case errors.Is(err, errNotSent):
		<-time.After(tick) // while both workers are down
	default:
		k.unsure = append(k.unsure, []map[string][]byte{before, after})
		for name := range after {
			delete(k.sure, name)
		}
	}
}

var errRefused = errors.New("refused")

// resumable uploads by TUS in three requests, and goes on where it was when one of them fails.
func (k *keeper) resumable(ctx context.Context, name string, content []byte) error {
	encoded := base64.StdEncoding.EncodeToString
	const version = "1.0.0"
	status, header, _, err := k.exchange(ctx, http.MethodPost, "/upload/resumable", nil, map[string]string{
		"Tus-Resumable": version, "Upload-Length": strconv.Itoa(len(content)),
		"Upload-Metadata": "bucketName " + encoded([]byte(keptBucket)) + ",objectName " + encoded([]byte(name)) + ",contentType " + encoded([]byte("image/png"))})
	if !ok(status, err) {
		return errors.Join(err, errRefused) // without an address nobody can go on
	}
	base, err := url.Parse(k.pathURL)
	if err != nil {
		return err
	}
	to, err := base.Parse(header.Get("Location"))
	if err != nil {
		return err
	}
	at := to.String()
	for offset, tries := 0, 0; offset < len(content); tries++ {
		if tries > 30 {
			return errRefused
		}
		status, header, _, err := k.exchange(ctx, http.MethodPatch, at, content[offset:min(offset+60_000, len(content))], map[string]string{
			"Tus-Resumable": version, "Upload-Offset": strconv.Itoa(offset), "Content-Type": "application/offset+octet-stream"})
		if !ok(status, err) {
			<-time.After(10 * tick) // a lock of a worker that died
			if status, header, _, err = k.exchange(ctx, http.MethodHead, at, nil, map[string]string{"Tus-Resumable": version}); !ok(status, err) {
				continue
			}
		}
		if offset, err = strconv.Atoi(header.Get("Upload-Offset")); err != nil {
			return err
		}
	}
	return nil
}

// inParts uploads by S3's protocol.
func (k *keeper) inParts(ctx context.Context, name string, content []byte) error {
	bucket, key := aws.String(keptBucket), &name
	begun, err := k.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: bucket, Key: key})
	if err != nil {
		return err
	}
	var parts []types.CompletedPart
	for number, part := range [][]byte{content[:5<<20], content[5<<20:]} {
		at := aws.Int32(int32(number + 1))
		out, err := k.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: bucket, Key: key, UploadId: begun.UploadId, PartNumber: at, Body: bytes.NewReader(part)})
		if err != nil {
			return err
		}
		parts = append(parts, types.CompletedPart{PartNumber: at, ETag: out.ETag})
	}
	_, err = k.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: bucket, Key: key, UploadId: begun.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	return err
}
