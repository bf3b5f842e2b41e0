import Testing
@Test func placeholderCompression() {}
