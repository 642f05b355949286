import { z } from "zod";
import type { Setting } from "@/gen/fluxbase/controlplane/v1/project_pb";

/** What a form holds of a setting: booleans, or text; of a list a line each. A secret is "" while it stays, and null to clear it. */
export type Draft = boolean | string | null;
export type Drafts = Record<string, Draft>;

/** The name of a setting in a form, where dots would mean objects. */
export const nameOf = (key: string): string => key.replaceAll(".", "/");
export const keyOf = (name: string): string => name.replaceAll("/", ".");

export function draftsOf(settings: Setting[]): Drafts {
  return Object.fromEntries(settings.map((setting) => [nameOf(setting.key), draftOf(setting, setting.value)]));
}

/** A value in JSON as the form holds it. */
export function draftOf(setting: Setting, json: string): Draft {
  const value: unknown = JSON.parse(json || setting.defaultValue);
  switch (setting.type) {
    case "boolean":
      return value === true;
    case "secret":
      return "";
    case "string_list":
      return Array.isArray(value) ? value.join("\n") : "";
    default:
      return String(value);
  }
}

/** What the form holds in JSON; the empty text for the default. */
export function jsonOf(setting: Setting, draft: Draft): string {
  switch (setting.type) {
    case "boolean":
      return String(draft);
    case "integer":
    case "duration_seconds":
      return String(draft).trim();
    case "secret":
      return draft === null ? '""' : JSON.stringify(draft);
    case "string_list":
      return JSON.stringify(linesOf(String(draft)));
    default:
      return JSON.stringify(draft);
  }
}

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** Checks what the server says of the settings' types and bounds; it checks the rest itself. */
export function schemaOf(settings: Setting[]) {
  return z.object(Object.fromEntries(settings.map((setting) => [nameOf(setting.key), fieldSchema(setting)])));
}

function fieldSchema(setting: Setting): z.ZodType<Draft, Draft> {
  switch (setting.type) {
    case "boolean":
      return z.boolean();
    case "secret":
      return z.string().max(4096, "A secret has at most 4,096 characters.").nullable();
    case "integer":
    case "duration_seconds":
      return z.string().refine((text) => withinBounds(text.trim(), setting), boundsOf(setting));
    default:
      return setting.oneOf.length > 0 ? z.enum(setting.oneOf) : z.string();
  }
}

function withinBounds(text: string, { min, max }: Setting): boolean {
  if (text === "") return true; // the default
  return /^-?\d{1,18}$/.test(text) && BigInt(text) >= min && BigInt(text) <= max;
}

const number = new Intl.NumberFormat("en");

function boundsOf({ type, min, max }: Setting): string {
  const unit = type === "duration_seconds" ? " seconds" : "";
  return `Enter a whole number from ${number.format(min)} to ${number.format(max)}${unit}.`;
}

const spans: [string, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** A number of seconds in larger units: "1 hour 30 minutes". Nothing for what is short, or none. */
export function spanOf(text: string): string | undefined {
  let rest = Number(text);
  if (!Number.isInteger(rest) || rest < 60) return undefined;
  const parts: string[] = [];
  for (const [unit, size] of spans) {
    const n = Math.floor(rest / size);
    if (n > 0) parts.push(`${n} ${unit}${n === 1 ? "" : "s"}`);
    rest -= n * size;
  }
  if (rest > 0) parts.push(`${rest} s`);
  return parts.join(" ");
}

const spelled: Record<string, string> = {
  otp: "OTP", otps: "OTPs", url: "URL", urls: "URLs", uri: "URI", sms: "SMS", mfa: "MFA", totp: "TOTP", id: "ID", smtp: "SMTP", tls: "TLS", jwt: "JWT", api: "API",
  sid: "SID", rp: "RP", saml: "SAML", oauth: "OAuth", captcha: "CAPTCHA", webauthn: "WebAuthn", web3: "Web3", autoconfirm: "auto-confirm", http: "HTTP",
  messagebird: "MessageBird",
}; // prettier-ignore

/** A setting's name for people, of what its key says beyond the group's beginning: "otp_length" is "OTP length". */
export function labelOf(key: string, prefix = ""): string {
  const rest = prefix && key.startsWith(prefix) ? key.slice(prefix.length) : key.slice(key.indexOf(".") + 1);
  const words = rest
    .split(/[._]/)
    .map((word) => spelled[word] ?? word)
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
