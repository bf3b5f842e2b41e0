import Testing
@Test func placeholderCryptography() {}
