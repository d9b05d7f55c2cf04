// Gives the parsers of text from outside inputs that libFuzzer makes: mutations of small seeds that
// reach new branches, under the address sanitizer.
//
//     make fuzz                                    # all parsers, 100,000 inputs each
//     make fuzz FUZZ_PARSER=desktop-json FUZZ_RUNS=5000000
//     make fuzz FUZZ_RUNS=-1 FUZZ_FLAGS=-max_total_time=30    # half a minute of each; CI has -seed=1, too
//     .build/fuzz/release/Fuzz desktop-json .build/fuzz/desktop-json/crash-…    # one input again
//
// The name of the parser comes first, then the options of libFuzzer. Inputs that reached something
// new are kept in .build/fuzz/<parser>/inputs and serve the next run, too. The run ends at an input
// that ends in a trap, a broken promise (`expect`) or a memory error, or takes more than 10 s or 2 GB;
// that input is kept beside the folder. Set SWIFT_BACKTRACE=enable=no: under libFuzzer, Swift's own
// handler of traps waits forever.
//
// The instrumentation needs both sanitizers in one flag of swiftc (`-sanitize=fuzzer,address`): of
// two flags, which is what two `--sanitize` of SwiftPM become, only the last counts.
//
// To add a parser, add a file such as Parsers/PostLines.swift, and its value to `FuzzedParser.all`. What it
// calls must be public; the product of its target must be in `products` of the main Package.swift
// and in `dependencies` of this one.

import FileSupport
import Glibc

/// The parser that is fuzzed, and what became of its inputs.
struct Session {
  let parser: FuzzedParser
  let scratch: Scratch
  var read = 0
  var refused = 0

  /// Gives the parser an input: it must read it or throw `InputError`.
  mutating func run(_ bytes: UnsafeRawBufferPointer) {
    do {
      try parser.parse(bytes, scratch)
      read += 1
    } catch is InputError {
      refused += 1
    } catch {
      fatalError("\(error) (\(type(of: error))) instead of an InputError")
    }
  }

  /// Reports the counts after the last input.
  func finish() {
    scratch.remove()
    note("\(parser.name): \(read + refused) inputs: \(read) read, \(refused) refused")
  }
}

/// Writes a line to standard error.
private func note(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = write(STDERR_FILENO, bytes, bytes.count)
}

/// libFuzzer calls the functions below one after another, on one thread.
nonisolated(unsafe) private var session: Session?

/// What libFuzzer calls first: replaces the name of the parser in the arguments by the folder of its
/// inputs, its dictionary and defaults.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
) -> CInt {
  let given = CommandLine.arguments
  let names = FuzzedParser.all.map(\.name)
  guard given.count > 1, let parser = FuzzedParser.all.first(where: { $0.name == given[1] }) else {
    // `Fuzz names` lists them.
    print(names.joined(separator: "\n"))
    exit(given.dropFirst().first == "names" ? 0 : 64)
  }
  let options = given.dropFirst(2)
  do {
    let folder = try ParserFolder(of: parser)
    session = Session(parser: parser, scratch: try Scratch())
    atexit { session?.finish() }
    var all = [given[0], "-artifact_prefix=\(folder.path)/", "-timeout=10", "-print_final_stats=1"]
    if !parser.words.isEmpty { all.append("-dict=\(folder.dictionary)") }
    all += options
    // Files are inputs to run again; without any, libFuzzer makes inputs from those in the folder.
    if options.allSatisfy({ $0.hasPrefix("-") }) { all += [folder.inputs] + parser.folders }
    // libFuzzer uses them for as long as it runs.
    let strings = UnsafeMutableBufferPointer<UnsafeMutablePointer<CChar>?>.allocate(
      capacity: all.count + 1)
    _ = strings.initialize(from: all.map { strdup($0) } + [nil])
    arguments.pointee = strings.baseAddress
    count.pointee = CInt(all.count)
  } catch {
    note("Fuzz: error: \(error)")
    exit(74)
  }
  return 0
}

/// What libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafeRawPointer?, _ count: Int) -> CInt {
  session?.run(UnsafeRawBufferPointer(start: bytes, count: count))
  return 0
}
