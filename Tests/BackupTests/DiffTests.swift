import Backup
import KeyRing
import Testing
import Vault

/// What happened between two backups, and which of them has a file.
@Suite struct DiffTests {
    private let living: LivingHome
    private var backups: VaultBackups { living.backups }

    init() throws { living = try LivingHome() }

    private func write(_ name: String, _ text: String) {
        _ = run("/bin/mkdir", "-p", living.scratch.path + "/outside")
        put(Array(text.utf8), living.scratch.path + "/" + name)
    }

    private func diff(_ from: String, _ to: String?) throws -> BackupDiff {
        let living = living
        guard let to else {
            return try living.use { vault in try living.backups.diff(from, nil, vault: { vault }).diff }
        }
        return try backups.diff(from, to, vault: { try living.open() }).diff
    }

    @Test func recordsThatChangedAreToldInFields() throws {
        let living = living
        write("a.md", "one")
        let (first, second, ids) = try living.use { vault in
            let (kept, done, gone) = try vault.write { tx in
                (
                    try tx.createTask(TaskDraft(title: "kept")),
                    try tx.createTask(TaskDraft(title: "to do 任務")),
                    try tx.createTask(TaskDraft(title: "gone"))
                )
            }
            try living.upload("a.md", to: vault)
            let first = try living.backups.create(vault, time: 1).backup.id
            let new = try vault.write { tx in
                var update = TaskUpdate()
                update.title = "done"
                update.priority = .high
                _ = try tx.updateTask(done.id, update)
                try tx.purgeTask(gone.id)
                return try tx.createTask(TaskDraft(title: "new"))
            }
            write("a.md", "two and more")
            try living.upload("a.md", to: vault)
            let second = try living.backups.create(vault, time: 2).backup.id
            return (first, second, (kept.id, done.id, gone.id, new.id))
        }
        let found = try diff(first, second).changes
        let tasks = found.filter { $0.collection == "tasks" }
        #expect(tasks.count == 3 && !tasks.contains { $0.id == ids.0 })
        let changed = try #require(tasks.first { $0.id == ids.1 })
        #expect(changed.kind == .changed && changed.title == "done")
        #expect(Set(changed.fields.map(\.name)) == ["title", "priority"])
        let title = try #require(changed.fields.first { $0.name == "title" })
        #expect(title.before == .string("to do 任務") && title.after == .string("done"))
        #expect(tasks.first { $0.id == ids.2 }?.kind == .removed)
        #expect(tasks.first { $0.id == ids.3 }?.kind == .created)
        let document = try #require(found.first { $0.collection == "documents" })
        #expect(document.kind == .changed)
        #expect(Set(document.fields.map(\.name)).isSuperset(of: ["version", "size", "sha256"]))
        // The other way round, and against the vault as it is.
        let back = try diff(second, first).changes
        #expect(back.first { $0.id == ids.2 }?.kind == .created)
        #expect(try diff(second, nil).changes.isEmpty && diff(first, first).changes.isEmpty)
        #expect(try diff(first, nil).changes.count == found.count)
    }

    @Test func filesFromOutsideThatChangedAreTold() throws {
        let living = living
        write("outside/kept.txt", "kept")
        write("outside/changed.txt", "one")
        write("outside/gone.txt", "gone")
        write("outside/mode.txt", "mode")
        let folder = living.scratch.path + "/outside"
        _ = run(
            "/bin/sh", "-c", "ln -s a link; seq 200000 > long; touch -d '2020-01-01' changed.txt", in: folder)
        var options = VaultBackups.CreateOptions()
        options.paths = [Array(folder.utf8)]
        let (first, second, third) = try living.use { vault in
            let first = try living.backups.create(vault, options, time: 1).backup.id
            // The same size and time: only the content tells.
            let line = """
                printf two > changed.txt; touch -d '2020-01-01' changed.txt; rm gone.txt; chmod 600 mode.txt
                ln -sfn b link; printf new > 'new file'; sed -i 's/^777$/778/' long; touch kept.txt
                """
            _ = run("/bin/sh", "-c", line, in: folder)
            let second = try living.backups.create(vault, options, time: 2).backup.id
            return (first, second, try living.backups.create(vault, time: 3).backup.id)
        }
        func told(_ from: String, _ to: String) throws -> (OutsideDiff, [String]) {
            let diff = try #require(try diff(from, to).outside)
            var lines: [String] = []
            try diff.forEach { change in
                let name = String(decoding: change.path.dropFirst(folder.utf8.count), as: UTF8.self)
                lines.append("\(change.kind) \(change.type) \(name) \(change.fields.joined(separator: ","))")
            }
            return (diff, lines)
        }
        let (found, lines) = try told(first, second)
        #expect(
            lines == [
                "changed file /changed.txt content", "removed file /gone.txt ", "changed link /link target",
                "changed file /long content", "changed file /mode.txt permissions", "created file /new file ",
            ])
        #expect((found.counts.created, found.counts.changed, found.counts.removed) == (1, 4, 1))
        #expect(found.problems.isEmpty)
        #expect(try told(second, second).1.isEmpty)
        #expect(try told(second, third).1.count == 7 && told(third, second).0.counts.created == 7)
        #expect(try diff(second, nil).outside == nil)
    }

    @Test func aFileIsFoundWithItsVersionsAndTheirBackups() throws {
        let living = living
        write("Report one.md", "one")
        write("other.txt", "x")
        write("outside/report.bin", "12345")
        var ids: [String] = []
        try living.use { vault in
            var options = VaultBackups.CreateOptions()
            options.paths = [Array((living.scratch.path + "/outside").utf8)]
            try living.upload("Report one.md", to: vault)
            try living.upload("other.txt", to: vault)
            ids.append(try living.backups.create(vault, options, time: 1).backup.id)
            ids.append(try living.backups.create(vault, options, time: 2).backup.id)
            write("Report one.md", "one and two")
            write("outside/report.bin", "1234567")
            try living.upload("Report one.md", to: vault)
            ids.append(try living.backups.create(vault, options, time: 3).backup.id)
        }
        let found = try backups.find(Array("report".utf8))
        #expect(found.problems.isEmpty && found.files.count == 2)
        let document = try #require(found.files.first { $0.place != .outside })
        #expect(document.versions.map(\.number) == [1, 2])
        #expect(document.versions.map(\.backups) == [ids, [ids[2]]])
        #expect(document.versions.map(\.size) == [3, 11])
        let outside = try #require(found.files.first { $0.place == .outside })
        #expect(outside.versions.map(\.size) == [5, 7])
        #expect(outside.versions.map(\.backups) == [Array(ids[..<2]), [ids[2]]])
        #expect(try backups.find(Array("*.bin".utf8)).files.count == 1)
        #expect(try backups.find(Array("nothing".utf8)).files.isEmpty)
        // A backup whose packs are gone is named.
        _ = run("/bin/rm", "-r", living.home.backupsDirectory + "/p")
        #expect(try backups.find(Array("report".utf8)).problems.count == 3)
    }
}
