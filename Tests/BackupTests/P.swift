import Testing
@Test func placeholderBackup() {}
