import Cryptography

// One page of the database, ours beside OpenSSL alone: short paired rounds, medians of the ratios, because a
// machine that does other things too disturbs both of a pair alike.
let pageCount = 4048
let pages = 2_000
let rounds = 101
let aad = [UInt8](repeating: 3, count: 32)

func buffer(_ count: Int) -> UnsafeMutableRawBufferPointer {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
    buffer.initializeMemory(as: UInt8.self, repeating: 5)
    return buffer
}

/// Microseconds a page.
func perPage(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    for _ in 0..<pages { try body() }
    let elapsed = (ContinuousClock.now - start).components
    return (Double(elapsed.seconds) * 1e6 + Double(elapsed.attoseconds) / 1e12) / Double(pages)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

func number(_ value: Double) -> String {
    let hundredths = Int((value * 100).rounded())
    return "\(hundredths / 100)." + (hundredths % 100 < 10 ? "0" : "") + "\(hundredths % 100)"
}

func report(_ name: String, raw: [Double], ours: [Double]) {
    let share = Int((median(zip(raw, ours).map { $0 / $1 }) * 100).rounded())
    print("\(name): OpenSSL alone \(number(median(raw))), ours \(number(median(ours))) us a page, \(share) %")
}

let raw = RawPages()
let cipher = try XAES256GCM(key: SecretBytes.random(count: 32))
var pool = NoncePool()
let page = buffer(pageCount), rawSealed = buffer(pageCount), sealed = buffer(pageCount)
let rawTag = buffer(16), tag = buffer(16), nonce = buffer(24)
var rawSeal: [Double] = [], ourSeal: [Double] = [], rawOpen: [Double] = [], ourOpen: [Double] = []
var nonces: [Double] = []

for _ in 0..<rounds {
    rawSeal.append(
        perPage { raw.seal(.init(page), into: rawSealed, aad: aad, tag: rawTag.baseAddress) })
    rawOpen.append(
        perPage {
            guard raw.open(.init(rawSealed), into: page, aad: aad, tag: rawTag.baseAddress) else {
                fatalError("OpenSSL alone does not open what it sealed")
            }
        })
    nonces.append(try perPage { try pool.next(into: nonce) })
    try aad.withUnsafeBytes { aad in
        ourSeal.append(
            try perPage {
                try cipher.seal(.init(page), into: sealed, nonce: .init(nonce), aad: aad, tag: tag)
            })
        ourOpen.append(
            try perPage {
                try cipher.open(.init(sealed), into: page, nonce: .init(nonce), aad: aad, tag: .init(tag))
            })
    }
}
report("seal", raw: rawSeal, ours: ourSeal)
report("open", raw: rawOpen, ours: ourOpen)
print("a nonce: \(number(median(nonces))) us, 1/64 of a getrandom(2) and two clocks")
