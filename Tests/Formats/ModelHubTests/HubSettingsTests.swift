import HTTPSupport
import ModelHub
import TestSupport
import Testing

@Suite("HubSettings")
struct HubSettingsTests {
  private func settings(_ environment: [String: String]) throws -> HubSettings {
    try HubSettings { environment[$0] }
  }

  @Test(
    "finds the cache where huggingface_hub does",
    arguments: [
      (["HOME": "/h"], "/h/.cache/huggingface/hub"),
      (["HOME": "/h", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
      (["HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "~/hf"], "/h/hf/hub"),
      (["HOME": "/h", "D": "/d", "HF_HOME": "$D/${D}x/$E"], "/d//dx/$E/hub"),
      (["HOME": "/h", "HF_HOME": "/a", "HUGGINGFACE_HUB_CACHE": "/b"], "/b"),
      (["HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/b", "HF_HUB_CACHE": "/c"], "/c"),
      (["HOME": "/h", "HF_HOME": ""], "/h/.cache/huggingface/hub"),
    ])
  func cache(_ environment: [String: String], _ path: String) throws {
    #expect(try settings(environment).cache == path)
  }

  @Test(
    "takes 1, ON, YES and TRUE for yes, and nothing else",
    arguments: [
      ("1", true), ("on", true), ("Yes", true), ("TRUE", true), ("0", false), ("", false),
      ("2", false), ("y", false),
    ])
  func truth(_ value: String, _ isTrue: Bool) throws {
    #expect(
      try settings(["HF_HUB_OFFLINE": value]).offlineVariable == (isTrue ? "HF_HUB_OFFLINE" : nil))
    #expect(
      try settings(["TRANSFORMERS_OFFLINE": value]).offlineVariable
        == (isTrue ? "TRANSFORMERS_OFFLINE" : nil))
    #expect(try settings(["HF_HUB_DISABLE_PROGRESS_BARS": value]).hidesProgress == isTrue)
  }

  @Test("knows the hub, or another server")
  func endpoint() throws {
    #expect(try settings([:]).endpoint.text == "https://huggingface.co")
    #expect(try settings(["HF_ENDPOINT": "http://h:1/x//"]).endpoint.text == "http://h:1/x")
  }

  @Test(
    "refuses what it cannot use, by name",
    arguments: [
      ("HF_ENDPOINT", "huggingface.co"), ("HF_HUB_ETAG_TIMEOUT", "soon"),
      ("HF_HUB_DOWNLOAD_TIMEOUT", "0"), ("HF_TOKEN", "hf_a\nX-Evil: 1"),
    ])
  func refused(_ name: String, _ value: String) throws {
    let error = #expect(throws: HubError.self) { try settings([name: value]) }
    #expect(error?.kind == .usage)
    #expect(error?.subject == name)
    // A token is a secret.
    #expect(name != "HF_TOKEN" || error?.problem.contains("Evil") == false)
  }
}
