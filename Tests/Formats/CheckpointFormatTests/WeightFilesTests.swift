import CheckpointFormat
import FileSupport
import TestSupport
import Testing

@Suite("WeightFiles")
struct WeightFilesTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A safetensors file of one-element tensors `names`.
  private func write(_ names: [String], to file: String, value: Float = 1) throws {
    let header = names.enumerated().map { index, name in
      #""\#(name)":{"dtype":"F32","shape":[1],"data_offsets":[\#(4 * index),\#(4 * index + 4)]}"#
    }
    let text = Array("{\(header.joined(separator: ","))}".utf8)
    let floats = floatBytes([Float](repeating: value, count: names.count))
    try folder.write(littleEndianBytes(text.count, 8) + text + floats, to: file)
  }

  private func writeIndex(
    _ map: [(String, String)], to file: String = "model.safetensors.index.json"
  ) throws {
    let members = map.map { #""\#($0)":"\#($1)""# }.joined(separator: ",")
    try folder.write(
      #"{"metadata":{"total_size":4},"weight_map":{\#(members)}}"#, to: file)
  }

  private func expectProblem(
    in file: String?, _ problem: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: InputError.self, sourceLocation: sourceLocation) {
      try WeightFiles(folder: folder.path)
    }
    #expect(
      error?.description == "\(file.map { folder.path($0) } ?? folder.path): \(problem)",
      sourceLocation: sourceLocation)
  }

  @Test("of several kinds of files, the first is read")
  func priority() throws {
    expectProblem(
      in: nil,
      "holds no weights; expected model.safetensors or pytorch_model.bin, or the index of their "
        + "shards (….index.json)")
    let torch = try torchBytes("parameter_zip.bin")
    try folder.write(torch, to: "pytorch_model-00001-of-00001.bin")
    try writeIndex(
      [("weight", "pytorch_model-00001-of-00001.bin")], to: "pytorch_model.bin.index.json")
    #expect(
      try WeightFiles(folder: folder.path).path == folder.path("pytorch_model.bin.index.json"))
    try folder.write(torch, to: "pytorch_model.bin")
    #expect(try WeightFiles(folder: folder.path).path == folder.path("pytorch_model.bin"))
    try write(["a"], to: "model-00001-of-00001.safetensors")
    try writeIndex([("a", "model-00001-of-00001.safetensors")])
    #expect(
      try WeightFiles(folder: folder.path).path == folder.path("model.safetensors.index.json"))
    try write(["b"], to: "model.safetensors")
    let files = try WeightFiles(folder: folder.path)
    #expect(files.path == folder.path("model.safetensors"))
    #expect(files.tensors.keys.sorted() == ["b"])
  }

  @Test("the tensors of an index are those of its shards")
  func shards() throws {
    try write(["a", "c"], to: "one.safetensors", value: 1)
    try write(["b"], to: "two.safetensors", value: 2)
    try writeIndex([("a", "one.safetensors"), ("b", "two.safetensors"), ("c", "one.safetensors")])
    let files = try WeightFiles(folder: folder.path)
    #expect(files.tensors.keys.sorted() == ["a", "b", "c"])
    #expect(try files.tensor("a", shape: [1]).path == folder.path("one.safetensors"))
    #expect(try files.tensor("b", shape: [1]).path == folder.path("two.safetensors"))
    var float: [Float] = [0]
    try float.withUnsafeMutableBufferPointer {
      try files.tensor("b", shape: [1]).copy(0..<1, to: $0)
    }
    #expect(float == [2])
    let indexPath = folder.path("model.safetensors.index.json")
    #expect {
      try files.tensor("d", shape: [1])
    } throws: {
      "\($0)" == "\(indexPath): tensor 'd' is missing"
    }
    let shardPath = folder.path("two.safetensors")
    #expect {
      try files.tensor("b", shape: [2])
    } throws: {
      "\($0)" == "\(shardPath): tensor 'b' has the shape [1], expected [2]"
    }
  }

  @Test("refuses an index whose shards or tensors are not where it says")
  func badShards() throws {
    let index = "model.safetensors.index.json"
    try write(["a"], to: "one.safetensors")
    try writeIndex([("a", "one.safetensors"), ("b", "two.safetensors")])
    expectProblem(in: index, "tensor 'b' is in 'two.safetensors', which is not in the folder")
    try write(["b", "c"], to: "two.safetensors")
    expectProblem(
      in: "two.safetensors", "tensor 'c' is here, but the index does not name it")
    try writeIndex([("a", "one.safetensors"), ("d", "one.safetensors")])
    expectProblem(
      in: "one.safetensors", "tensor 'd' is missing, which the index places here")
    try write(["a", "b"], to: "two.safetensors")
    try writeIndex([("a", "one.safetensors"), ("b", "two.safetensors")])
    expectProblem(
      in: "two.safetensors", "tensor 'a' is here, but the index places it elsewhere")
    try write(["b"], to: "two.safetensors")
    try writeIndex([("a", "one.safetensors"), ("a", "one.safetensors"), ("b", "two.safetensors")])
    expectProblem(in: index, "tensor 'a' appears twice in the index")
  }

  @Test(
    "the files of an index lie in its folder",
    arguments: ["../one.safetensors", "/etc/passwd", "a/b", "a\\\\b", "..", ".", "", "a\\u0000"])
  func names(_ name: String) throws {
    try writeIndex([("a", name)])
    let error = #expect(throws: InputError.self) { try WeightFiles(folder: folder.path) }
    #expect(
      error?.problem.hasPrefix(
        "tensor 'a': expected the name of a file in the same folder, found ") == true)
  }

  @Test("refuses an index without a map, or with another value for a file")
  func badIndex() throws {
    let index = "model.safetensors.index.json"
    for text in ["{}", "[]", #"{"weight_map":[]}"#] {
      try folder.write(text, to: index)
      expectProblem(in: index, "expected an object 'weight_map' of tensors and their files")
    }
    try folder.write(#"{"weight_map":{"a":1}}"#, to: index)
    expectProblem(
      in: index, "tensor 'a': expected the name of a file in the same folder, found 1")
  }
}
