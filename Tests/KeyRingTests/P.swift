import Testing
@Test func placeholderKeyRing() {}
