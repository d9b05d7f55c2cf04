import Foundation
import TestSupport
import Testing

/// How much memory a model takes while it is read.
@Suite("memory of loading")
struct LoadingMemoryTests {
  private let project: Project

  init() throws {
    project = try Project.finished()
  }

  /// Writes a folder of `layers` layers of 1024 channels with weights in half precision, a shard for
  /// each layer; returns how many weights are packed.
  private func writeModel(_ name: String, layers: Int) throws -> Int {
    let width = 1024
    let copied = try Subprocess.run(
      "cp", ["-a", "checkpoints/fixture/final", name], in: project.folder.path)
    try #require(copied.status == 0, "\(copied.log)")
    try project.remove("\(name)/model.safetensors")
    try project.folder.write(
      """
      {"model_type": "gpt2", "n_embd": \(width), "n_head": 8, "n_layer": \(layers), \
      "n_positions": 32, "vocab_size": 300, "tie_word_embeddings": true}
      """, to: "\(name)/config.json")
    // Numbers from 2^-7 to 2^-6 of both signs.
    var random = SystemRandomNumberGenerator()
    let pool = (0..<1 << 16).flatMap { _ -> [UInt8] in
      let bits = UInt16.random(in: 0...UInt16.max, using: &random) & 0x83FF | 0x2000
      return [UInt8(bits & 0xFF), UInt8(bits >> 8)]
    }
    func matrix(_ name: String, _ inputs: Int, _ outputs: Int) -> [(String, [Int])] {
      [("\(name).weight", [inputs, outputs]), ("\(name).bias", [outputs])]
    }
    func norm(_ name: String) -> [(String, [Int])] {
      [("\(name).weight", [width]), ("\(name).bias", [width])]
    }
    let shards = (0..<layers).map { layer in
      let prefix = "transformer.h.\(layer)."
      var tensors = norm(prefix + "ln_1") + norm(prefix + "ln_2")
      tensors += matrix(prefix + "attn.c_attn", width, 3 * width)
      tensors += matrix(prefix + "attn.c_proj", width, width)
      tensors += matrix(prefix + "mlp.c_fc", width, 4 * width)
      tensors += matrix(prefix + "mlp.c_proj", 4 * width, width)
      guard layer == 0 else { return tensors }
      return tensors + norm("transformer.ln_f") + [
        ("transformer.wte.weight", [300, width]), ("transformer.wpe.weight", [32, width]),
      ]
    }
    var places: [String] = []
    for (layer, tensors) in shards.enumerated() {
      let file = "model-\(layer).safetensors"
      var (members, offset) = ([String](), 0)
      for (tensor, shape) in tensors {
        let end = offset + 2 * shape.reduce(1, *)
        members.append(
          #""\#(tensor)": {"dtype": "F16", "shape": \#(shape), "data_offsets": [\#(offset), \#(end)]}"#
        )
        offset = end
        places.append(#""\#(tensor)": "\#(file)""#)
      }
      let header = Array("{\(members.joined(separator: ", "))}".utf8)
      var bytes = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
      let end = bytes.count + offset
      while bytes.count < end { bytes += pool.prefix(end - bytes.count) }
      try project.folder.write(bytes, to: "\(name)/\(file)")
    }
    try project.folder.write(
      #"{"weight_map": {\#(places.joined(separator: ", "))}}"#,
      to: "\(name)/model.safetensors.index.json")
    return layers * 12 * width * width
  }

  /// The peak of the memory, in bytes, of a program that has read `model` and written a text.
  private func peak(_ model: String, _ weights: String) throws -> Int {
    let pipe = project.folder.path("input")
    try #require(mkfifo(pipe, 0o600) == 0)
    defer { unlink(pipe) }
    // Opened for reading too, so that nobody waits for the other side.
    let input = open(pipe, O_RDWR | O_CLOEXEC)
    let process = try Subprocess(
      try builtProgram("gpt-sample"),
      [model, "--interactive", "--weights", weights, "--threads=2", "--max-length=8"],
      in: project.folder.path, input: pipe)
    _ = write(input, "a\n", 2)
    try poll("a text") { try process.isZombie || !process.text(of: .output).isEmpty }
    let status = try String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)
    close(input)
    let ended = try process.wait()
    try #require(ended.status == 0, "\(ended.log)")
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
    let kilobytes = line.split(whereSeparator: \.isWhitespace).dropFirst().first
    return try #require(kilobytes.flatMap { Int($0) }) * 1024
  }

  @Test(
    "packed weights take their own size and a tenth of it, not that of the shards",
    arguments: [("int4", 0.5625), ("int8", 1.03125), ("bf16", 2.0)])
  func shards(weights: String, bytes: Double) throws {
    let (few, many) = (try writeModel("few", layers: 2), try writeModel("many", layers: 8))
    // The difference is without what any model takes.
    let difference = try peak("many", weights) - peak("few", weights)
    let packed = bytes * Double(many - few)
    #expect(Double(difference) > 0.95 * packed)
    #expect(Double(difference) < 1.1 * packed)
  }
}
