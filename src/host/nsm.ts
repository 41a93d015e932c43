/** The Nitro Secure Module as a request-response device; implemented over `/dev/nsm` in native/. */
export interface NsmDevice {
  /** One CBOR request, one CBOR response. Throws when the device does not answer. */
  request(message: Uint8Array): Uint8Array;
}
