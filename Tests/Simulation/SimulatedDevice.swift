internal import Sync
internal import Vault

/// A device of a simulation: its disk, and what is lost when it dies.
struct SimulatedDevice {
    var disk: ModelDisk
    /// Nil while it is dead.
    var machine: SyncMachine?
    /// Which of its starts this is: answers to an earlier one find nobody.
    var boot = 0
    /// By how much its clock is ahead, in milliseconds.
    var skew: Int64 = 0
    /// A state of its disk that may be put back.
    var snapshot: ModelDisk?
    /// Whether a person has to decide what becomes of it.
    var isStopped: Bool { disk.state.halt == .replaced }
    /// Whether it has told anybody that something is wrong.
    var isAware: Bool {
        !alarms.isEmpty || report?.failure != nil || !(report?.silent.isEmpty ?? false)
    }
    /// What its newest round said.
    var report: SyncReport?
    /// What was noticed since its last start, in any life.
    var alarms: [SyncAlarm] = []
    var isInRound = false
    /// What the present round has cost.
    var cost = RoundCost()
    /// Whether it has looked at everything since nothing goes wrong any more, in its present life.
    var hasLooked = false
}
