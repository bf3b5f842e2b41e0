import Testing
@Test func placeholderEncryptedSQLite() {}
