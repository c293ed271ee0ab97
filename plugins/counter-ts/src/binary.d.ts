// The build embeds such a file as its bytes.
declare module '*.binpb' {
  const bytes: Uint8Array;
  export default bytes;
}
