import Testing
@Test func placeholderVault() {}
