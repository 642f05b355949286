package setting

import (
	"errors"
	"slices"
)

// storageEvents are what webhooks of storage tell of.
var storageEvents = []string{"ObjectCreated", "ObjectUpdated", "ObjectMoved", "ObjectRemoved"}

var storageSettings = []Definition{
	{Key: "storage.file_size_limit", Type: Integer, Default: int64(50 << 20), Min: 1, Max: 5 << 40,
		Description: "The largest file that can be uploaded, in bytes. A bucket may set less; the plan's limit holds besides."},
	{Key: "storage.resumable_expiry", Type: Integer, Default: int64(86400), Min: 60, Max: 604800,
		Description: "How long an upload by TUS or in S3's parts may be left unfinished, in seconds."},
	{Key: "storage.s3_enabled", Type: Boolean, Default: true,
		Description: "Whether /storage/v1/s3 answers."},
	{Key: "storage.image_transformations_enabled", Type: Boolean, Default: true,
		Description: "Whether images are resized and converted on request."},
	{Key: "storage.image_cache_bytes", Type: Integer, Default: int64(256 << 20), Min: 0, Max: 1 << 40,
		Description: "How much room images made of others may take in the bucket, in bytes; those not asked for the longest go first. 0 keeps none."},
	{Key: "storage.scan_buckets", Type: StringList, Default: []string{}, check: checkBucketNames,
		Description: "Buckets whose uploads are scanned for viruses before they can be read; * for all. Uploads fail where the operator has no scanner."},
	{Key: "storage.webhook_url", Type: String, Default: "", check: checkOptionalURL,
		Description: "An address that is told of objects that come, change and go; empty for none."},
	{Key: "storage.webhook_secret", Type: Secret, Default: "",
		Description: "Signs what the webhook is sent, after Standard Webhooks: v1,whsec_ and 24 to 64 bytes in base64."},
	{Key: "storage.webhook_events", Type: StringList, Default: slices.Clone(storageEvents), check: checkStorageEvents,
		Description: "Which events the webhook is told of: ObjectCreated, ObjectUpdated, ObjectMoved, ObjectRemoved."},
	{Key: "storage.cdn_purge_url", Type: String, Default: "", check: checkOptionalURL,
		Description: "An address that is told which paths a cache in front of the project must forget; empty for none."},
	{Key: "storage.cdn_purge_secret", Type: Secret, Default: "",
		Description: "Signs what the address for purges is sent, as storage.webhook_secret does."},
}

func checkBucketNames(v any) error {
	for _, name := range v.([]string) {
		if name == "" || len(name) > 100 {
			return errors.New("name buckets by their ids, or write * for all")
		}
	}
	return nil
}

func checkStorageEvents(v any) error {
	for _, name := range v.([]string) {
		if !slices.Contains(storageEvents, name) {
			return errors.New("events are ObjectCreated, ObjectUpdated, ObjectMoved and ObjectRemoved")
		}
	}
	return nil
}
