import FileSupport
import Foundation
import GPT2
import TensorKernels
import Testing

/// Reads the adapters that `Tests/Interop/Models/adapter_interop.py` has made with peft, and writes each
/// again, and a merged model, which it then compares.
@Suite(
  "Adapters of peft",
  .enabled(if: interopFolder != nil, "ADAPTER_INTEROP is not set; make interop sets it"))
struct AdapterInteropTests {
  @Test("adapters are read and written")
  func rewrite() throws {
    let folder = try #require(interopFolder)
    let base = "\(folder)/base"
    let threadPool = ThreadPool(count: 2)
    let names = try Folder.list("\(folder)/adapters")
    #expect(!names.isEmpty)
    for name in names {
      let adapter = try Adapter(
        folder: "\(folder)/adapters/\(name)", base: base, threadPool: threadPool)
      for (kind, write) in [
        ("rewritten", { try adapter.write(to: $0) }),
        (
          "merged",
          { try adapter.writeMerged(with: base, to: $0, threadPool: threadPool) }
        ),
      ] as [(String, (String) throws -> Void)] {
        let path = "\(folder)/\(kind)/\(name)"
        try Folder.create(path)
        try write(path)
      }
    }
  }
}

private let interopFolder = ProcessInfo.processInfo.environment["ADAPTER_INTEROP"]
