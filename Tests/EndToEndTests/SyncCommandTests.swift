import Foundation
import TestSupport
import Testing

/// What `sync` shows and asks, on one machine with a directory for a remote.
@Suite("The commands of sync") struct SyncCommandTests {
    let test: TestHome
    let bucket: String

    init() throws {
        test = try TestHome(["--name", "laptop"])
        bucket = "file://" + test.folder.appending(path: "bucket").path(percentEncoded: false)
        let lines = (1...20).map { #"{"title":"task \#($0)"}"# }.joined(separator: "\n")
        try test.run("tasks", "import", "-", input: lines)
        try test.run("sync", "remote", "set", bucket)
    }

    @Test("--dry-run shows what a round would do, and does nothing")
    func dryRun() throws {
        try test.run("create-task", "one more")
        for _ in 0..<2 {
            let plan = try test.json("sync", "both", "--dry-run")
            #expect(plan["dry_run"].bool == true)
            #expect(plan["pushed"].int == 1 && plan["pulled"].int == 0)
            #expect(plan["push"]["records"]["tasks"].int == 1)
            #expect(plan["push"]["needs_allow_mass_delete"].bool == false)
            #expect(plan["pull"]["new_conflicts"].list.isEmpty)
        }
        let plan = try test.json("sync", "push", "--dry-run")
        let pushed = try test.json("sync", "push")
        #expect(pushed["pushed"].int == 1)
        // The head and the bell come on top of what a plan knows of.
        #expect(try #require(plan["bytes_up"].int) < #require(pushed["bytes_up"].int))
        #expect(try test.json("sync", "push", "--dry-run")["pushed"].int == 0)
    }

    @Test("Many deletions need --allow-mass-delete")
    func massDeletion() throws {
        for task in try test.json("list-tasks").list.prefix(11) {
            try test.run("tasks", "delete", task["id"].string ?? "", "--yes")
        }
        let plan = try test.json("sync", "push", "--dry-run")
        #expect(plan["push"]["deletes"]["tasks"].int == 11)
        #expect(plan["push"]["needs_allow_mass_delete"].bool == true)
        let error = try test.error("sync", "push", expect: 5)
        #expect(error["code"].string == "guard")
        #expect(error["message"].string?.contains("11 of 20 tasks") == true)
        #expect(try test.json("sync", "push", "--allow-mass-delete")["pushed"].int == 1)
    }
}
