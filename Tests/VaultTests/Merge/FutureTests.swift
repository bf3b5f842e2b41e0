import Testing
import Vault

/// Stamps that come from clocks that are ahead.
@Suite struct FutureTests {
    private let year: Int64 = 365 * 86_400_000

    /// Vaults 0 and 1 share a task, then the clock of vault 1 runs a year ahead while it gives a title.
    private func ahead() throws -> (Exchange, String) {
        let exchange = try Exchange(seed: 3)
        let id = try exchange.vaults[0].task("right").id
        try exchange.settle()
        exchange.vaults[1].world.advance(milliseconds: year)
        try title(exchange, 1, id, "from the future")
        return (exchange, id)
    }

    private func title(_ exchange: Exchange, _ index: Int, _ id: String, _ title: String) throws {
        var update = TaskUpdate()
        update.title = title
        try exchange.vaults[index].vault.write { try $0.updateTask(id, update) }
    }

    private func title(_ exchange: Exchange, _ index: Int, _ id: String) throws -> String {
        try exchange.vaults[index].vault.read { try $0.task(id).title }
    }

    @Test func aClockThatIsAheadMovesNobodyElses() throws {
        let (exchange, id) = try ahead()
        let report = try exchange.deliver(from: 1, to: 0)
        #expect(report.future.map(\.fields) == [[2]] && report.fields == 1)
        #expect(try title(exchange, 0, id) == "right")
        #expect(try exchange.vaults[0].vault.read { try $0.futureWrites() } == report.future)
        try title(exchange, 0, id, "later, and right")
        #expect(try title(exchange, 0, id) == "later, and right")
        let stamps = try exchange.vaults[0].vault.read { try $0.changes(after: 0) }
            .filter { $0.origin.device.first == 1 }.map(\.stamp.time)
        #expect(stamps.allSatisfy { $0 <= exchange.vaults[0].world.now })
    }

    @Test func aDemotedValueNeverCountsByWaiting() throws {
        let (exchange, id) = try ahead()
        let report = try exchange.deliver(from: 1, to: 0)
        try exchange.vaults[0].vault.write { try $0.demote(report.future) }
        try exchange.vaults[0].vault.write { try $0.demote(report.future) }
        let verdicts = try exchange.waiting(from: 0, for: 2).flatMap(\.changes).filter { $0.collection == 50 }
        #expect(verdicts.count == 1)
        try exchange.settle()
        for vault in exchange.vaults { vault.world.advance(milliseconds: 2 * year) }
        for (index, vault) in exchange.vaults.enumerated() {
            _ = try vault.vault.write { try $0.refreshHidden() }
            #expect(try title(exchange, index, id) == "right")
            let state = try vault.vault.read { try $0.state(RecordKey(1, id)) }
            #expect(state.candidates(2).map(\.value) == [.text("from the future")])
        }
        let roots = try exchange.roots()
        #expect(roots[1] == roots[0] && roots[2] == roots[0])
    }

    /// The vault that was behind and thought others ahead: nobody demotes, and it catches up.
    @Test func aClockThatWasBehindCatchesUp() throws {
        let exchange = try Exchange(seed: 4, count: 2)
        exchange.vaults[0].world.advance(milliseconds: 3_600_000)
        let id = try exchange.vaults[0].task("an hour on").id
        let report = try exchange.deliver(from: 0, to: 1)
        #expect(!report.future.isEmpty)
        expect(.notFound) { try exchange.vaults[1].vault.read { try $0.task(id) } }
        #expect(try exchange.vaults[1].vault.write { try $0.refreshHidden() } == 0)
        exchange.vaults[1].world.advance(milliseconds: 3_590_001)
        #expect(try exchange.vaults[1].vault.write { try $0.refreshHidden() } == 1)
        try title(exchange, 1, id, "seen, then changed")
        try exchange.settle()
        #expect(try title(exchange, 0, id) == "seen, then changed")
        #expect(try exchange.vaults[1].vault.read { try $0.futureWrites() }.isEmpty)
    }

    /// Told by the others, a vault whose clock is right again stamps what it writes with the right time.
    @Test func theClockOfADemotedDeviceHeals() throws {
        let (exchange, id) = try ahead()
        let report = try exchange.deliver(from: 1, to: 0)
        try exchange.vaults[0].vault.write { try $0.demote(report.future) }
        exchange.vaults[1].world.advance(milliseconds: -year)
        try exchange.deliver(from: 0, to: 1)
        #expect(try title(exchange, 1, id) == "right")
        try title(exchange, 1, id, "with the right time")
        try exchange.settle()
        for index in 0..<3 { #expect(try title(exchange, index, id) == "with the right time") }
        #expect(try exchange.vaults[2].vault.read { try $0.futureWrites() }.isEmpty)
    }

    @Test func aCreationFromTheFutureIsHiddenWholly() throws {
        let exchange = try Exchange(seed: 5, count: 2)
        exchange.vaults[1].world.advance(milliseconds: year)
        let id = try exchange.vaults[1].task("not yet").id
        let report = try exchange.deliver(from: 1, to: 0)
        #expect(report.future.count == 1 && report.future[0].fields.count > 5)
        try exchange.vaults[0].vault.write { try $0.demote(report.future) }
        expect(.notFound) { try exchange.vaults[0].vault.read { try $0.task(id) } }
        try exchange.settle()
        expect(.notFound) { try exchange.vaults[1].vault.read { try $0.task(id) } }
        let roots = try exchange.roots()
        #expect(roots[0] == roots[1])
    }
}
