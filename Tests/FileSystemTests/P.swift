import Testing
@Test func placeholderFileSystem() {}
