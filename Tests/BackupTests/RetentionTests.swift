import Backup
import TestSupport
import Testing

@Suite struct RetentionTests {
    private static let day: UInt64 = 86_400_000
    private static let hour: UInt64 = 3_600_000
    /// 2026-11-25T12:00:00Z, a Wednesday.
    private static let noon: UInt64 = 1_795_608_000_000

    /// Backups so many milliseconds before noon, the last one the newest.
    private func backups(_ ages: [UInt64], writer: String = "a", tags: [Int: [String]] = [:])
        -> [Retention.Candidate]
    {
        ages.sorted(by: >).enumerated().map { order, age in
            Retention.Candidate(
                id: "\(writer)\(age / 1000)", writer: writer, order: order, created: Self.noon - age,
                tags: tags[order] ?? [])
        }
    }

    private func kept(
        _ candidates: [Retention.Candidate], offset: Int64 = 0, _ change: (inout RetentionPolicy) -> Void
    ) -> [String] {
        var policy = RetentionPolicy()
        change(&policy)
        return Retention(policy, now: Self.noon, offset: { _ in offset }).decide(candidates)
            .filter(\.isKept).map(\.id)
    }

    @Test func lastCounts() {
        let all = backups([0, 1000, 2000, 3000])
        #expect(kept(all) { $0.last = 2 } == ["a1", "a0"])
        #expect(kept(all) { $0.last = 9 } == ["a3", "a2", "a1", "a0"])
    }

    @Test func theNewestStaysWhateverIsAsked() {
        let all = backups([Self.day, 2 * Self.day, 3 * Self.day])
        #expect(kept(all) { $0.tags = ["none"] } == ["a86400"])
        #expect(kept(all) { _ in }.count == 3)
        // By the chain, not by a clock that went back.
        let back = [
            Retention.Candidate(id: "old", writer: "a", order: 0, created: Self.noon - 1000, tags: []),
            Retention.Candidate(id: "new", writer: "a", order: 1, created: Self.noon - 9000, tags: []),
        ]
        #expect(kept(back) { $0.tags = ["none"] } == ["new"])
    }

    /// Three a day for ten days: the last one of each of three days, and the newest is one of them.
    @Test func dailyKeepsTheLastOfADay() {
        let ages = (0..<10).flatMap { day in [2, 5, 8].map { UInt64(day) * Self.day + $0 * Self.hour } }
        let found = kept(backups(ages)) { $0.daily = 3 }
        #expect(found == ["a\(2 * 86_400 + 7200)", "a\(86_400 + 7200)", "a7200"])
    }

    /// Days without backups do not count.
    @Test func gapsDoNotUseUpTheCount() {
        let all = backups([0, 40 * Self.day, 41 * Self.day, 400 * Self.day])
        #expect(kept(all) { $0.daily = 3 }.count == 3)
        #expect(kept(all) { $0.yearly = 3 }.count == 2)
        #expect(kept(all) { $0.monthly = 9 }.count == 3)
    }

    @Test func hoursDaysAndWeeksAreThoseOfTheZone() {
        // 11:30 and 10:30 in UTC; 00:29 and 23:29 the day before, 12 hours and 59 minutes further east.
        let all = backups([Self.hour / 2, Self.hour * 3 / 2])
        #expect(kept(all) { $0.daily = 5 }.count == 1)
        #expect(kept(all, offset: 46_740_000) { $0.daily = 5 }.count == 2)
        #expect(kept(all) { $0.hourly = 5 }.count == 2)
        // Sunday noon and Monday noon.
        let weekend = backups([2 * Self.day, 3 * Self.day])
        #expect(kept(weekend) { $0.weekly = 5 }.count == 2)
        #expect(kept(weekend, offset: -43_200_001) { $0.weekly = 5 }.count == 1)
    }

    @Test func monthsAndYearsBeginWhereTheyDo() {
        // 24 days back is November 1st, 328 days back January 1st.
        let months = backups([24 * Self.day, 25 * Self.day])
        #expect(kept(months) { $0.monthly = 5 }.count == 2)
        let years = backups([328 * Self.day, 329 * Self.day])
        #expect(kept(years) { $0.yearly = 5 }.count == 2)
        #expect(kept(backups([0, 328 * Self.day])) { $0.yearly = 5 }.count == 1)
    }

    @Test func withinCountsFromTheNewest() {
        let all = backups([5 * Self.day, 6 * Self.day, 7 * Self.day, 9 * Self.day])
        #expect(kept(all) { $0.within = 2 * Self.day }.count == 3)
    }

    @Test func tagsKeepWhatHasOneOfThem() {
        let all = backups([0, 1000, 2000, 3000], tags: [0: ["x"], 1: ["y", "z"]])
        #expect(kept(all) { $0.tags = ["z", "x"] } == ["a3", "a2", "a0"])
    }

    @Test func writersAreJudgedApart() {
        let all = backups([0, 1000, 2000]) + backups([500, 1500], writer: "b")
        #expect(kept(all) { $0.last = 1 } == ["a0", "b0"])
    }

    /// One backup by a clock that is a year ahead takes nothing from the others.
    @Test func timesAheadCountForNothing() {
        var all = backups([0, Self.day, 2 * Self.day])
        let honest = kept(all) { $0.within = Self.day }
        all.append(
            Retention.Candidate(
                id: "ahead", writer: "a", order: -1, created: Self.noon + 365 * Self.day, tags: []))
        #expect(kept(all) { $0.within = Self.day } == honest + ["ahead"])
        #expect(kept(all) { $0.last = 1 } == ["a0", "ahead"])
    }

    @Test func theConfigurationsWordsMeanPeriods() {
        #expect(RetentionPolicy(frequency: "daily", days: 30)?.description == "keep-daily 30")
        #expect(RetentionPolicy(frequency: "weekly", days: 90)?.description == "keep-weekly 13")
        #expect(RetentionPolicy(frequency: "hourly", days: 2)?.description == "keep-hourly 48")
        #expect(RetentionPolicy(frequency: "often", days: 2) == nil)
    }

    /// Whatever the rules: more of any keeps no less, the newest stays, and a second run removes nothing.
    @Test func aSecondRunRemovesNothingAndMoreRulesKeepMore() {
        var random = SplitMix64(seed: printedSeed())
        for _ in 0..<200 {
            let ages = (0..<40).map { _ in random.next() % (800 * Self.day) }
            let all = backups(Array(Set(ages)))
            var policy = RetentionPolicy()
            policy.last = Int(random.next() % 4)
            policy.hourly = Int(random.next() % 4)
            policy.daily = Int(random.next() % 8)
            policy.weekly = Int(random.next() % 8)
            policy.monthly = Int(random.next() % 8)
            policy.yearly = 1 + Int(random.next() % 3)
            policy.within = random.next() % (60 * Self.day)
            let first = Set(kept(all) { $0 = policy })
            let left = all.filter { first.contains($0.id) }
            #expect(Set(kept(left) { $0 = policy }) == first, "\(policy)")
            #expect(all.last.map { first.contains($0.id) } == true)
            var more = policy
            more.daily += 1
            more.weekly += 1
            #expect(first.isSubset(of: kept(all) { $0 = more }), "\(policy)")
        }
    }
}
