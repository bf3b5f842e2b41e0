import EncryptedSQLite
import FileSystem
import GRDB
import Glibc
import TestSupport

/// `ROUNDS [SCALE [PHASE,...]]`: times the encrypted database against plain SQLite, with the same settings
/// and through the same access layer. Every phase runs in short slices, plain and encrypted in turn, so that
/// what else the machine does disturbs both alike. Prints the medians of the rounds' ratios, by the clock and
/// by the processor's time. docs/BENCHMARKS.md holds the bars.
struct DatabaseBench {
    private static let phases = [
        "bulk", "single-row", "points", "scan", "fts", "match", "checkpoint", "vacuum",
    ]

    static func run(_ arguments: [String]) throws {
        let rounds = Int(arguments.first ?? "5") ?? 5
        let scale = arguments.count > 1 ? Double(arguments[1]) ?? 1 : 1
        let wanted = arguments.count > 2 ? arguments[2].split(separator: ",").map(String.init) : phases
        let tasks = BenchTasks(rows: Int(200_000 * scale), singles: Int(5_000 * scale))
        var wall: [String: [Double]] = [:]
        var processor: [String: [Double]] = [:]
        var pages: [PageCost] = []
        for round in 0..<rounds {
            let bench = try DatabaseBench(tasks, scale, isPlainFirst: round % 2 == 0)
            for phase in phases where wanted.contains(phase) || phase == "bulk" {
                let (plain, encrypted) = try bench.measure(phase)
                wall[phase, default: []].append(encrypted.wall / plain.wall)
                processor[phase, default: []].append(encrypted.processor / plain.processor)
                print("\(round + 1) \(phase): plain \(plain), encrypted \(encrypted)")
                if let pageCount = encrypted.pages, plain.pages != nil {
                    let extra = (encrypted.processor - plain.processor) / Double(pageCount)
                    pages.append(PageCost(phase: phase, extra: extra, raw: median(encrypted.raw)))
                }
            }
            try bench.close()
        }
        for phase in phases {
            guard let wall = wall[phase], let processor = processor[phase] else { continue }
            print("\(phase): \(median(wall).rounded3) (processor \(median(processor).rounded3))")
        }
        for phase in phases {
            let costs = pages.filter { $0.phase == phase }
            guard !costs.isEmpty else { continue }
            let extra = median(costs.map(\.extra)) * 1e6
            let raw = median(costs.map(\.raw)) * 1e6
            let share = median(costs.map { $0.extra / $0.raw })
            print("a page in \(phase): \(extra.rounded3) us above plain, OpenSSL alone \(raw.rounded3) us")
            print("    the one to the other: \(share.rounded3)")
        }
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private struct PageCost {
        let phase: String
        let extra: Double
        let raw: Double
    }

    private let directory: TemporaryDirectory
    private let plain: BenchSide
    private let encrypted: BenchSide
    private let isPlainFirst: Bool

    private init(_ tasks: BenchTasks, _ scale: Double, isPlainFirst: Bool) throws {
        directory = try TemporaryDirectory()
        self.isPlainFirst = isPlainFirst
        plain = try BenchSide.plain(directory("plain"), tasks, scale)
        encrypted = try BenchSide.encrypted(directory("encrypted"), tasks, scale)
    }

    /// Runs the slices of a phase on both sides in turn.
    private func measure(_ phase: String) throws -> (BenchTime, BenchTime) {
        var times = (BenchTime(), BenchTime())
        try plain.prepare(phase)
        try encrypted.prepare(phase)
        let count = plain.slices(of: phase)
        for slice in 0..<count {
            if (slice % 2 == 0) == isPlainFirst {
                times.0 += try plain.slice(phase, slice, of: count)
                times.1 += try encrypted.slice(phase, slice, of: count)
            } else {
                times.1 += try encrypted.slice(phase, slice, of: count)
                times.0 += try plain.slice(phase, slice, of: count)
            }
        }
        return times
    }

    private func close() throws {
        try plain.close()
        try encrypted.close()
    }
}

/// Rows like those of tasks, made before anything is timed.
final class BenchTasks {
    let texts: [(title: String, description: String)]
    let rows: Int

    init(rows: Int, singles: Int) {
        self.rows = rows
        func words(_ count: Int, _ seed: Int) -> String {
            (0..<count).map { "w\((seed * 31 + $0 * 977 + seed * $0 % 89) % 5000)" }.joined(separator: " ")
        }
        texts = (0..<rows + singles).map { (words(6, $0), words(40, $0 + 7)) }
    }
}

/// Seconds by the clock and of the processor, and pages that SQLite read.
struct BenchTime: CustomStringConvertible {
    var wall = 0.0
    var processor = 0.0
    var pages: Int?
    /// What OpenSSL alone took for a page meanwhile.
    var raw: [Double] = []

    static func += (left: inout BenchTime, right: BenchTime) {
        left.wall += right.wall
        left.processor += right.processor
        left.raw += right.raw
        if let pages = right.pages {
            left.pages = (left.pages ?? 0) + pages
            left.raw.append(RawPage.openSeconds())
        }
    }

    static func of(_ body: () throws -> Int?) rethrows -> BenchTime {
        let (wall, processor) = (now(CLOCK_MONOTONIC), now(CLOCK_PROCESS_CPUTIME_ID))
        let pages = try body()
        return BenchTime(
            wall: now(CLOCK_MONOTONIC) - wall, processor: now(CLOCK_PROCESS_CPUTIME_ID) - processor,
            pages: pages)
    }

    static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    var description: String { "\((wall * 1000).rounded3) ms" + (pages.map { ", \($0) pages" } ?? "") }
}

extension Double {
    /// Three decimals are more than this can be trusted to.
    var rounded3: Double { (self * 1000).rounded() / 1000 }
}
