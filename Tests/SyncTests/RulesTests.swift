import FileSystem
import ObjectStorage
import Sync
import TestSupport
import Testing
import Vault

/// What `config/sync.yaml` keeps from travelling.
struct RulesTests {
    private let scene: SyncScene
    private let first: SyncDevice
    private let second: SyncDevice

    init() throws {
        scene = try SyncScene()
        (first, second) = try scene.twoDevices()
        try first.makeTasks(["from the first"])
        try second.makeTasks(["from the second"])
    }

    private func configure(_ device: SyncDevice, tasks direction: String) throws {
        let text = "sync_config:\n  tasks: { direction: \(direction), conflict_resolution: newest_wins }\n"
        try Durable.replace(device.home.configDirectory + "/sync.yaml", with: Array(text.utf8))
    }

    @Test func whatIsNotPulledIsCaughtUpWithLater() throws {
        try configure(second, tasks: "push_to_cloud")
        try first.sync()
        let report = try second.sync()
        #expect(report.pulledSegments == 0 && report.pushedSegments == 1 && report.alarms.isEmpty)
        #expect(try second.titles() == ["from the second"])
        try first.sync()
        #expect(try first.titles() == ["from the first", "from the second"])
        // What is not wanted is no news either: looking costs one request.
        try first.makeTasks(["more"])
        try first.sync()
        try second.sync()
        try first.sync()
        try second.sync()
        let counting = CountingStore(scene.remote)
        #expect(try second.sync(at: counting).pulledSegments == 0)
        #expect(counting.counts.requests == 1)
        try configure(second, tasks: "bidirectional")
        #expect(try second.sync().pulledSegments == 2)
        #expect(try second.titles() == ["from the first", "from the second", "more"])
        try first.sync()
        #expect(try second.root() == first.root())
    }

    @Test func whatIsNotPushedWaits() throws {
        try configure(second, tasks: "pull_from_cloud")
        try first.sync()
        let report = try second.sync()
        #expect(report.pulledSegments == 1 && report.pushedSegments == 0)
        #expect(try first.sync().pulledSegments == 0)
        #expect(try second.plan().outgoing?.segments == 0)
        try configure(second, tasks: "bidirectional")
        #expect(try second.sync().pushedSegments == 1)
        #expect(try first.sync().pulledSegments == 1)
    }

    @Test func offIsNeither() throws {
        try configure(second, tasks: "off")
        try first.sync()
        let report = try second.sync()
        #expect(report.pulledSegments == 0 && report.pushedSegments == 0 && report.failure == nil)
        #expect(try second.titles() == ["from the second"])
    }

    @Test(arguments: [
        "tasks: { direction: sideways }", "tasks: { conflict_resolution: oldest_wins }",
        "tusks: { direction: off }", "tasks: { retention_local: 7_days }",
        "logs: { conflict_resolution: merge }", "logs: { retention_cloud: soon }",
        "logs: { retention_cloud: 30_days }", "tasks: off",
    ])
    func unknownWordsAreRefused(_ line: String) throws {
        try Durable.replace(
            first.home.configDirectory + "/sync.yaml", with: Array("sync_config:\n  \(line)\n".utf8))
        #expect {
            _ = try HomeConfiguration(of: first.home)
        } throws: { error in
            (error as? VaultError)?.code == .invalid
        }
    }

    /// A file can narrow what travels, not widen it.
    @Test func theSeedsWordsAreTaken() throws {
        let text = """
            sync_config:
              tasks:          { direction: bidirectional, conflict_resolution: newest_wins }
              knowledge_base: { direction: pull_from_cloud, conflict_resolution: merge }
              documents:      { direction: bidirectional }
              logs:           { direction: push_to_cloud, retention_local: 5_days, retention_cloud: 120_days }
            """
        try Durable.replace(first.home.configDirectory + "/sync.yaml", with: Array(text.utf8))
        let rules = SyncRules(try HomeConfiguration(of: first.home))
        #expect(rules.pushes(.tasks) && rules.pulls(.tasks))
        #expect(!rules.pushes(.knowledgeBase) && rules.pulls(.knowledgeBase))
        #expect(rules.pushes(.documents) && !rules.pulls(.documents))
        #expect(rules.resolution(.knowledgeBase) == .merge && rules.resolution(.tasks) == .newestWins)
    }
}
