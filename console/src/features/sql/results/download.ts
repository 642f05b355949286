/** Gives the browser a file to keep. */
export function save(name: string, content: BlobPart[], type: string) {
  const url = URL.createObjectURL(new Blob(content, { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Reads a stream to its end, telling how far it is. What is read lies in the browser's store of files, not in the page's memory. */
export async function collect(stream: ReadableStream<Uint8Array>, onBytes: (bytes: number) => void, signal: AbortSignal): Promise<Blob> {
  const reader = stream.getReader();
  let whole = new Blob();
  let part: BlobPart[] = [];
  let size = 0;
  let kept = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (signal.aborted) throw new DOMException("Cancelled.", "AbortError");
    if (done) return new Blob([whole, ...part]);
    part.push(value as BlobPart);
    size += value.byteLength;
    if (size - kept > 4_000_000) {
      whole = new Blob([whole, ...part]);
      part = [];
      kept = size;
      onBytes(size);
    }
  }
}
