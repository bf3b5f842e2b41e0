/// The runs that the new list names: those of the backup before and those of this one, which get their places
/// while it goes on.
struct RunTable<Keys: BackupKeys> {
    /// Where a run stands: its pack in `packs`, and the rest as in a segment.
    private enum Run {
        case placed(OutsideSegment.Run)
        /// Its number in the pipeline.
        case submitted(Int)
        /// It is still being filled.
        case open
    }

    private struct Place: Hashable {
        let pack: UInt32
        let offset: UInt64
    }

    private var packs: [[UInt8]] = []
    private var packRows: [[UInt8]: UInt32] = [:]
    private var runs: [Run] = []
    private var known: [Place: UInt32] = [:]

    /// The numbers of a base segment's runs.
    mutating func numbers(of segment: OutsideSegment) -> [UInt32] {
        let rows = segment.packs.map { pack($0) }
        return segment.runs.map { run in
            let place = Place(pack: rows[Int(run.pack)], offset: run.offset)
            if let number = known[place] { return number }
            var run = run
            run.pack = place.pack
            known[place] = UInt32(runs.count)
            runs.append(.placed(run))
            return UInt32(runs.count - 1)
        }
    }

    /// The number of a run that is begun.
    mutating func begin() -> UInt32 {
        runs.append(.open)
        return UInt32(runs.count - 1)
    }

    /// A run is on its way into a pack.
    mutating func submitted(_ run: UInt32, as number: Int) { runs[Int(run)] = .submitted(number) }

    /// Where a run stands, and its pack's id.
    ///
    /// - Throws: `.failed` while it has no place.
    mutating func place(
        _ run: UInt32, in pipeline: UnitPipeline<Keys>
    ) throws -> (run: OutsideSegment.Run, pack: [UInt8]) {
        switch runs[Int(run)] {
        case .placed(let run): return (run, packs[Int(run.pack)])
        case .submitted(let number):
            let unit = try pipeline.unit(number)
            let place = OutsideSegment.Run(
                pack: pack(unit.pack), offset: unit.offset, length: unit.length,
                plainLength: unit.plainLength)
            runs[Int(run)] = .placed(place)
            return (place, unit.pack)
        case .open: throw BackupError(.failed, "a run that was never written")
        }
    }

    private mutating func pack(_ id: [UInt8]) -> UInt32 {
        if let row = packRows[id] { return row }
        packs.append(id)
        packRows[id] = UInt32(packs.count - 1)
        return UInt32(packs.count - 1)
    }
}
