import FileSystem
import Glibc
import TestSupport
import Testing

@Suite struct FileSystemTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func aReplacedFileHoldsTheNewBytesAndNothingElseIsLeft() throws {
        let path = directory("ring")
        try Durable.replace(path, with: [1, 2, 3])
        try Durable.replace(path, with: [4])
        #expect(try Files.readAll(path, limit: 10) == [4])
        #expect(try Files.list(directory.path) == ["ring"])
        #expect(try Files.status(path)?.permissions == 0o600)
    }

    @Test func creatingOverAFileLeavesItAlone() throws {
        let path = directory("manifest")
        try Durable.create(path, with: [1])
        let error = #expect(throws: FileError.self) { try Durable.create(path, with: [2]) }
        #expect(error?.isExisting == true)
        #expect(try Files.readAll(path, limit: 10) == [1])
        #expect(try Files.list(directory.path) == ["manifest"])
    }

    @Test func aSymbolicLinkIsNotFollowed() throws {
        try Durable.replace(directory("secret"), with: [7])
        try symbolicLink(from: directory("link"), to: directory("secret"))
        let error = #expect(throws: FileError.self) {
            try Files.readAll(directory("link"), limit: 10)
        }
        #expect(error?.isSymbolicLink == true)
    }

    @Test func aFileLongerThanTheLimitIsRefused() throws {
        try Durable.replace(directory("big"), with: [UInt8](repeating: 0, count: 11))
        #expect(throws: FileError.self) { try Files.readAll(directory("big"), limit: 10) }
    }

    @Test func locksOfOneProcessExcludeEachOther() throws {
        let path = directory("lock")
        #expect(try takeBoth(path, .exclusive, .shared) == false)
        #expect(try takeBoth(path, .shared, .exclusive) == false)
        #expect(try takeBoth(path, .shared, .shared))
    }

    /// Whether the second lock can be had while the first is held.
    private func takeBoth(_ path: String, _ one: FileLock.Mode, _ two: FileLock.Mode) throws -> Bool {
        guard let first = try FileLock.attempt(path, one) else { return false }
        let both = try canTake(path, two)
        first.release()
        return both
    }

    private func canTake(_ path: String, _ mode: FileLock.Mode) throws -> Bool {
        guard let lock = try FileLock.attempt(path, mode) else { return false }
        lock.release()
        return true
    }

    @Test func removingATreeDoesNotFollowLinksOutOfIt() throws {
        try Files.createDirectory(directory("outside"))
        try Durable.replace(directory("outside/kept"), with: [1])
        try Files.createDirectory(directory("tree/deep/er"))
        try symbolicLink(from: directory("tree/deep/link"), to: directory("outside"))
        try Files.removeTree(directory("tree"))
        #expect(try !Files.exists(directory("tree")))
        #expect(try Files.exists(directory("outside/kept")))
    }

    @Test func removingATreeTakesNamesThatAreNotText() throws {
        try Files.createDirectory(directory("odd/deep"))
        for name in ["odd/", "odd/deep/"] {
            let path = directory(name).utf8.map { CChar(bitPattern: $0) } + [-1, -2, 0]
            #expect(mkdir(path, 0o700) == 0)
        }
        try Files.removeTree(directory("odd"))
        #expect(try !Files.exists(directory("odd")))
    }

    @Test(arguments: [("a/b", "a", "b"), ("/a", "/", "a"), ("a", ".", "a"), ("/a/b/", "/a", "b")])
    func pathsSplitAtTheLastSlash(path: String, parent: String, name: String) {
        #expect(Path.parent(path) == parent)
        #expect(Path.name(path) == name)
    }
}
