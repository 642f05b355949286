import { SigningAlgorithm } from "@/gen/fluxbase/controlplane/v1/signing_key_pb";

/** The algorithms, the one that suits most first. */
export const algorithms = [
  { value: SigningAlgorithm.ES256, name: "ES256", about: "ECDSA on P-256: short tokens, and every library knows it." },
  { value: SigningAlgorithm.EDDSA, name: "EdDSA", about: "Ed25519: short tokens, for servers whose libraries know it. supabase-js's getClaims() does not." },
  { value: SigningAlgorithm.RS256, name: "RS256", about: "RSA of 2048 bits: longer tokens, for servers that know nothing newer." },
  { value: SigningAlgorithm.HS256, name: "HS256", about: "A secret that only Fluxbase has: no other server can verify these tokens." },
];

export const algorithmName = (value: SigningAlgorithm): string => algorithms.find((each) => each.value === value)?.name ?? "—";
