/// What the vault takes from the world: the time and randomness. Tests pass their own, made from a seed.
public struct Surroundings: Sendable {
    /// The wall clock.
    public let now: @Sendable () -> Timestamp
    /// Unpredictable bytes, as many as asked for.
    public let random: @Sendable (_ count: Int) throws -> [UInt8]

    public init(
        now: @escaping @Sendable () -> Timestamp,
        random: @escaping @Sendable (_ count: Int) throws -> [UInt8]
    ) {
        self.now = now
        self.random = random
    }
}
