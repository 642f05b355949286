import { BinaryReader } from "@bufbuild/protobuf/wire";
import { Code, ConnectError } from "@connectrpc/connect";

/** A failure as a person sees it. */
export interface Failure {
  title: string;
  message: string;
  /** Stable name for programs, for example "PROJECT_NOT_FOUND". */
  reason?: string;
  requestId?: string;
  /** What is wrong with each field of a form, by the field's name in camel case. */
  fields: Record<string, string>;
  /** Whether the same request may succeed later without anything being changed. */
  transient: boolean;
}

const titles: Partial<Record<Code, string>> = {
  [Code.PermissionDenied]: "Not allowed",
  [Code.NotFound]: "Not found",
  [Code.Unauthenticated]: "You are signed out",
  [Code.ResourceExhausted]: "A limit is reached",
  [Code.Unavailable]: "Not reachable",
  [Code.DeadlineExceeded]: "It took too long",
  [Code.FailedPrecondition]: "Not possible now",
  [Code.AlreadyExists]: "Already there",
  [Code.InvalidArgument]: "Not accepted",
};

/** Puts any error into words for the person who caused or met it. */
export function describe(error: unknown): Failure {
  if (error instanceof ConnectError) return fromConnect(error);
  if (isWorded(error)) {
    return { title: error.title ?? "It did not work", message: error.message, reason: error.code, requestId: error.requestId, fields: {}, transient: false };
  }
  if (error instanceof TypeError) return unreachable();
  const message = error instanceof Error ? error.message : String(error);
  return { title: "It did not work", message, fields: {}, transient: true };
}

interface Worded {
  message: string;
  title?: string;
  code?: string;
  requestId?: string;
}

function isWorded(error: unknown): error is Worded {
  return error instanceof Error && ("requestId" in error || "code" in error);
}

function unreachable(requestId?: string): Failure {
  return {
    title: "Not reachable",
    message: "The server cannot be reached. Check the connection and that Fluxbase is running, then try again.",
    requestId,
    fields: {},
    transient: true,
  };
}

function fromConnect(error: ConnectError): Failure {
  const requestId = error.metadata.get("x-request-id") ?? undefined;
  const info = errorInfo(error);
  // Failures without a reason did not come from the server: the request never arrived, or was cut off.
  if (!info.reason && [Code.Unknown, Code.Unavailable, Code.Canceled, Code.Aborted].includes(error.code)) return unreachable(requestId);
  return {
    title: titles[error.code] ?? "It did not work",
    message: error.rawMessage || "The server gave no reason.",
    reason: info.reason,
    requestId: requestId ?? info.requestId,
    fields: info.fields,
    transient: [Code.Unavailable, Code.DeadlineExceeded, Code.Internal, Code.Unknown, Code.Aborted, Code.ResourceExhausted].includes(error.code),
  };
}

/** A field's name as the generated code has it. What is in brackets is a map's key, and stays as it is. */
function camel(name: string): string {
  const [field, ...key] = name.split("[");
  return [field!.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), ...key].join("[");
}

function sentence(text: string): string {
  const trimmed = text.trim();
  if (!trimmed) return "Not accepted.";
  const whole = trimmed[0]!.toUpperCase() + trimmed.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}

interface Info {
  reason?: string;
  requestId?: string;
  fields: Record<string, string>;
}

/** Reads google.rpc.ErrorInfo and google.rpc.BadRequest, whose protos we do not generate for these few fields. */
function errorInfo(error: ConnectError): Info {
  const out: Info = { fields: {} };
  for (const detail of error.details) {
    if (!("type" in detail) || !("value" in detail) || !(detail.value instanceof Uint8Array)) continue;
    if (detail.type === "google.rpc.ErrorInfo") {
      const message = fieldsOf(detail.value);
      out.reason = text(message.get(1)?.at(0)) || undefined;
      for (const entry of message.get(3) ?? []) {
        const pair = fieldsOf(entry);
        const [key, value] = [text(pair.get(1)?.at(0)), text(pair.get(2)?.at(0))];
        if (key === "request_id") out.requestId = value;
      }
    }
    if (detail.type === "google.rpc.BadRequest") {
      for (const entry of fieldsOf(detail.value).get(1) ?? []) {
        const violation = fieldsOf(entry);
        out.fields[camel(text(violation.get(1)?.at(0)))] = sentence(text(violation.get(2)?.at(0)));
      }
    }
  }
  return out;
}

/** The length-delimited fields of a message, by number. */
function fieldsOf(bytes: Uint8Array): Map<number, Uint8Array[]> {
  const out = new Map<number, Uint8Array[]>();
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === 2) out.set(number, [...(out.get(number) ?? []), reader.bytes()]);
    else reader.skip(wireType, number);
  }
  return out;
}

function text(bytes: Uint8Array | undefined): string {
  return bytes ? new TextDecoder().decode(bytes) : "";
}
