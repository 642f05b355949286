/** What an identity provider publishes of itself: its addresses, and the certificate of a key that nobody has. */
const certificate =
  "MIIDFzCCAf+gAwIBAgIURUUXmcpHvkLU2DadB8HGToaT8fMwDQYJKoZIhvcNAQELBQAwGjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUuY29tMCAXDTI2MTEyMzAz" +
  "NDcwMVoYDzIxMjYxMDMwMDM0NzAxWjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5jb20wggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQC6nrn3vxtt" +
  "DzCP1P0hj5Rj9zfdTWii5Vdl2cX5pA5F24N/EQvdhDaEY45c3Yo9KAdK/emIHYj+04pMcIrKbKjxGBjONOu/yTnVqrohnkwdQSy97KNXs2AaKp5JoAw4Ivts" +
  "HLUhIL86zezEGprnYAUyDbEDlNFGnIbkVAI7WClWdyRFF4poDB41X+ly9MeJJYwY6IryiZFOTiA6Poze8eqYVWs4u+t19p69Z+/lVuhEYNdyHrxygwBCwuOi" +
  "uFkv2DZ88w4prTtMQe1V4ZmmSDlC7sR/wGqfMxnjQ9OvVGQWG1UdUNmVxxsMNMhNjFoDBmj7EQ4FqE7HoDPaEr39nmSNAgMBAAGjUzBRMB0GA1UdDgQWBBTk" +
  "hGLPYGVr83sokMcOhhkmEskh/TAfBgNVHSMEGDAWgBTkhGLPYGVr83sokMcOhhkmEskh/TAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQBg" +
  "6/KUGWdj6oEd30cLZPPEuTNEaOP7cDFy9tmyP03onXJy7347jOJoTi5vIAYtzuPCMtYg5A/fFNZMbq0056hPSGvQqAyX0YXcsFctlr8ZaQwmNdW7vWAy6Xp6" +
  "vZQZeJ5jch7Gtxe9oT8xei8gsf1xeeu74E/VgCl9bpj2Mcis5qEd0VqadxRZ4khzmtKf+oiAYlva4X059nMUaZ+2YAjBJVIa5a43FCxg3OdOEw4UUu33A8P1" +
  "GIlT0tvu76V0mYWjrfsoFfYdPL2yBsd2TVePz5yZ6z6FyfPOakdRRUWhK61btjCROAEsvZyS//PUc5mOnBNSCbgK4fn/ft0+rFuw";

export const metadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/metadata">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor use="signing">
      <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>${certificate}</X509Certificate></X509Data></KeyInfo>
    </KeyDescriptor>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
  </IDPSSODescriptor>
</EntityDescriptor>`;
