/** What the server lets the styles of this page load carry; see the Content-Security-Policy. Empty under "npm run dev". */
export function nonce(): string {
  const value = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
  return value.startsWith("%") ? "" : value;
}
