/** A place on this computer that a file is written to. */
export interface Target {
  write: (stream: ReadableStream<Uint8Array>, signal: AbortSignal) => Promise<void>;
}

interface Picker {
  showSaveFilePicker?: (options: { suggestedName: string }) => Promise<{ createWritable: () => Promise<WritableStream<Uint8Array>> }>;
}

/** Asks where to, where the browser can write a file as it comes; undefined when the person thought better of it. Else it is gathered and downloaded. */
export async function chooseTarget(name: string): Promise<Target | undefined> {
  const { showSaveFilePicker } = window as unknown as Picker;
  if (!showSaveFilePicker) return { write: (stream, signal) => download(stream, name, signal) };
  try {
    const handle = await showSaveFilePicker.call(window, { suggestedName: name });
    return { write: async (stream, signal) => stream.pipeTo(await handle.createWritable(), { signal }) };
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    // Forbidden here, as in a frame: then as other browsers.
    return { write: (stream, signal) => download(stream, name, signal) };
  }
}

async function download(stream: ReadableStream<Uint8Array>, name: string, signal: AbortSignal): Promise<void> {
  const blob = await new Response(stream).blob();
  signal.throwIfAborted();
  downloadBlob(blob, name);
}

export function downloadBlob(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Tells how many bytes went through. */
export function counting(onBytes: (bytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(piece, controller) {
      bytes += piece.byteLength;
      onBytes(bytes);
      controller.enqueue(piece);
    },
  });
}
