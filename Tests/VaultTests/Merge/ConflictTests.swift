import FileSystem
import Foundation
import TestSupport
import Testing
import Vault

@Suite struct ConflictTests {
    private let year: Int64 = 365 * 86_400_000

    private func title(_ exchange: Exchange, _ index: Int, _ id: String, _ title: String) throws {
        var update = TaskUpdate()
        update.title = title
        try exchange.vaults[index].vault.write { try $0.updateTask(id, update) }
    }

    private func title(_ exchange: Exchange, _ index: Int, _ id: String) throws -> String {
        try exchange.vaults[index].vault.read { try $0.task(id).title }
    }

    private func conflicts(_ exchange: Exchange, _ index: Int) throws -> [Conflict] {
        try exchange.vaults[index].vault.read { try $0.conflicts() }
    }

    /// A title from a year ahead, which vault 0 demotes, and all know.
    private func candidate() throws -> (Exchange, String) {
        let exchange = try Exchange(seed: 6)
        let id = try exchange.vaults[0].task("right").id
        try exchange.settle()
        exchange.vaults[1].world.advance(milliseconds: year)
        try title(exchange, 1, id, "from the future")
        exchange.vaults[1].world.advance(milliseconds: -year)
        let report = try exchange.deliver(from: 1, to: 0)
        let found = try exchange.vaults[0].vault.write { tx in
            try tx.demote(report.future)
            return try tx.conflicts()
        }
        #expect(found.count == 1)
        try exchange.settle()
        return (exchange, id)
    }

    @Test func aCandidateIsListedEverywhereAndDropped() throws {
        let (exchange, id) = try candidate()
        let all = try (0..<3).map { try conflicts(exchange, $0) }
        for found in all {
            #expect(found.map(\.id) == all[0].map(\.id) && found[0].kind == .candidate)
            #expect(found[0].key == RecordKey(1, id))
            #expect(found[0].local.text == #"{"title":"right"}"#)
            #expect(found[0].remote.text == #"{"title":"from the future"}"#)
            #expect(found[0].base.text == #"{"title":"right"}"#)
        }
        try exchange.vaults[2].vault.resolve(conflict: all[0][0].id, take: .local)
        try exchange.settle()
        for index in 0..<3 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try title(exchange, index, id) == "right")
        }
        expect(.notFound) { try exchange.vaults[2].vault.resolve(conflict: all[0][0].id, take: .local) }
        let roots = try exchange.roots()
        #expect(roots[1] == roots[0] && roots[2] == roots[0])
    }

    @Test func aCandidateIsTaken() throws {
        let (exchange, id) = try candidate()
        let found = try conflicts(exchange, 2)[0]
        try exchange.vaults[2].vault.resolve(conflict: String(found.id.suffix(6)), take: .remote)
        try exchange.settle()
        for index in 0..<3 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try title(exchange, index, id) == "from the future")
        }
    }

    @Test func aCandidateIsMerged() throws {
        let (exchange, id) = try candidate()
        let found = try conflicts(exchange, 0)[0]
        try exchange.vaults[0].vault.resolve(conflict: found.id, take: .merged(Array("both".utf8)))
        try exchange.settle()
        for index in 0..<3 { #expect(try title(exchange, index, id) == "both") }
    }

    /// The author gives its own anew once its clock is right, unless somebody else wrote in between.
    @Test func theAuthorStampsAnew() throws {
        let (exchange, id) = try candidate()
        #expect(try exchange.vaults[0].vault.write { try $0.restampCandidates() } == 0)
        #expect(try exchange.vaults[1].vault.write { try $0.restampCandidates() } == 1)
        try exchange.settle()
        for index in 0..<3 {
            #expect(try title(exchange, index, id) == "from the future")
            #expect(try conflicts(exchange, index).isEmpty)
        }
        let (other, task) = try candidate()
        try title(other, 2, task, "somebody else's")
        try other.settle()
        #expect(try other.vaults[1].vault.write { try $0.restampCandidates() } == 0)
        #expect(try title(other, 1, task) == "somebody else's")
    }

    @Test func aChangeThatKnewNothingOfTheDeletionIsListed() throws {
        let exchange = try Exchange(seed: 7, count: 2)
        let (kept, quiet) = (try exchange.vaults[0].task("a").id, try exchange.vaults[0].task("b").id)
        try exchange.settle()
        try title(exchange, 1, quiet, "before the deletion")
        try exchange.settle()
        try exchange.vaults[0].vault.write { _ = (try $0.deleteTask(kept), try $0.deleteTask(quiet)) }
        try title(exchange, 1, kept, "worked on")
        let report = try exchange.deliver(from: 1, to: 0)
        try exchange.settle()
        for index in 0..<2 {
            let found = try conflicts(exchange, index)
            #expect(found.map(\.key) == [RecordKey(1, kept)])
            #expect(found[0].kind == .editedAfterDeletion)
            #expect(found[0].remote.text == #"{"title":"worked on"}"#)
            #expect(found[0].base.text == #"{"title":"a"}"#)
        }
        #expect(report.conflicts == (try conflicts(exchange, 0).map(\.id)))
        try exchange.vaults[1].vault.resolve(conflict: report.conflicts[0], take: .remote)
        try exchange.settle()
        for index in 0..<2 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try exchange.vaults[index].vault.read { try $0.task(kept).deletedAt } == nil)
            #expect(try title(exchange, index, kept) == "worked on")
        }
    }

    @Test func deletingOnceMoreSettlesItToo() throws {
        let exchange = try Exchange(seed: 8, count: 2)
        let id = try exchange.vaults[0].task("a").id
        try exchange.settle()
        try exchange.vaults[0].vault.write { _ = try $0.deleteTask(id) }
        try title(exchange, 1, id, "worked on")
        try exchange.settle()
        let found = try conflicts(exchange, 0)
        expect(.invalid) { try exchange.vaults[0].vault.resolve(conflict: found[0].id, take: .merged(nil)) }
        try exchange.vaults[0].vault.resolve(conflict: found[0].id, take: .local)
        try exchange.settle()
        for index in 0..<2 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try exchange.vaults[index].vault.read { try $0.task(id).deletedAt } != nil)
        }
    }

    @Test func theHistorySaysWhatLostUnseen() throws {
        let exchange = try Exchange(seed: 9, count: 2)
        let id = try exchange.vaults[0].task("begin").id
        try exchange.settle()
        try title(exchange, 0, id, "from 0")
        exchange.vaults[1].world.advance(milliseconds: 5)
        try title(exchange, 1, id, "from 1")
        try exchange.settle()
        try title(exchange, 0, id, "knowing both")
        try exchange.settle()
        for index in 0..<2 {
            let history = try exchange.vaults[index].vault.read { try $0.history(of: id) }
            let titles = history.map { $0.fields["title"]?.string ?? "" }
            #expect(titles == ["begin", "from 0", "from 1", "knowing both"])
            #expect(history.map(\.overruled) == [[], ["title"], [], []])
        }
    }

    /// Each vault uploads the same path; the exchange carries rows, the documents' folder is copied.
    private func document(_ exchange: Exchange, _ index: Int, _ text: String) throws {
        let file = URL(fileURLWithPath: exchange.vaults[0].directory("note.md"))
        try Data(text.utf8).write(to: file)
        let report = try exchange.vaults[index].vault.upload(
            [Array(file.path.utf8)], workingDirectory: Array("/".utf8))
        #expect(report.failed.isEmpty)
    }

    private func copyBlobs(_ exchange: Exchange) throws {
        let folders = exchange.vaults.map { $0.directory("documents") }
        for source in folders {
            for target in folders where target != source {
                for name in try FileManager.default.subpathsOfDirectory(atPath: source) {
                    let (from, to) = (source + "/" + name, target + "/" + name)
                    guard try Files.status(from)?.kind == .regular, try !Files.exists(to) else { continue }
                    let parent = to.split(separator: "/").dropLast().joined(separator: "/")
                    try FileManager.default.createDirectory(
                        atPath: "/" + parent, withIntermediateDirectories: true)
                    try FileManager.default.copyItem(atPath: from, toPath: to)
                }
            }
        }
    }

    private func content(_ exchange: Exchange, _ index: Int) throws -> String {
        let vault = exchange.vaults[index].vault
        let document = try vault.read { try $0.documents().items[0] }
        let bytes = try vault.readDocument(document.id, range: 0..<document.size)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func branched(_ one: String, _ two: String) throws -> Exchange {
        let exchange = try Exchange(seed: 10, count: 2)
        try document(exchange, 0, "a\nb\nc\n")
        try exchange.settle()
        try copyBlobs(exchange)
        try document(exchange, 0, one)
        exchange.vaults[1].world.advance(milliseconds: 1000)
        try document(exchange, 1, two)
        try exchange.settle()
        try copyBlobs(exchange)
        return exchange
    }

    @Test func aDocumentWithTwoHeadsIsOneConflict() throws {
        let exchange = try branched("A\nb\nc\n", "a\nb\nC\n")
        let all = try (0..<2).map { try conflicts(exchange, $0) }
        #expect(all[0].count == 1 && all[0].map(\.id) == all[1].map(\.id) && all[0][0].kind == .versions)
        #expect(all[0][0].local == all[1][0].remote && all[0][0].base == all[1][0].base)
        #expect(all[0][0].base.object?["version"] == .integer(1))
        try exchange.vaults[1].vault.resolve(conflict: all[0][0].id, take: .merged(nil))
        try exchange.settle()
        try copyBlobs(exchange)
        for index in 0..<2 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try content(exchange, index) == "A\nb\nC\n")
        }
        let roots = try exchange.roots()
        #expect(roots[0] == roots[1])
        // The next version comes after the merged one alone.
        try document(exchange, 0, "later\n")
        try exchange.settle()
        #expect(try conflicts(exchange, 1).isEmpty)
    }

    @Test func whatBothChangedIsForAPerson() throws {
        let exchange = try branched("one\nb\nc\n", "two\nb\nc\n")
        let found = try conflicts(exchange, 0)[0]
        expect(.conflict) { try exchange.vaults[0].vault.resolve(conflict: found.id, take: .merged(nil)) }
        let proposal = try exchange.vaults[0].vault.mergeProposal(conflict: found.id)
        #expect(proposal?.hasConflicts == true)
        try exchange.vaults[0].vault.resolve(conflict: found.id, take: .merged(Array("one and two\n".utf8)))
        try exchange.settle()
        try copyBlobs(exchange)
        for index in 0..<2 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try content(exchange, index) == "one and two\n")
        }
    }

    @Test(arguments: [ConflictChoice.local, .remote])
    func oneSideIsTaken(_ choice: ConflictChoice) throws {
        let exchange = try branched("one\n", "two\n")
        let found = try conflicts(exchange, 0)[0]
        try exchange.vaults[0].vault.resolve(conflict: found.id, take: choice)
        try exchange.settle()
        for index in 0..<2 {
            #expect(try conflicts(exchange, index).isEmpty)
            #expect(try content(exchange, index) == (choice == .local ? "one\n" : "two\n"))
        }
    }

    @Test func equalContentIsNoConflict() throws {
        let exchange = try branched("same\n", "same\n")
        for index in 0..<2 { #expect(try conflicts(exchange, index).isEmpty) }
        try document(exchange, 1, "after both\n")
        try exchange.settle()
        for index in 0..<2 { #expect(try conflicts(exchange, index).isEmpty) }
    }
}
