import FileSupport
import JSONSupport

/// A channel as TDLib knows it.
struct LiveChat {
  /// Its id in TDLib, such as -1001006503122.
  let id: Int
  let title: String?
  /// The id of its newest message, if that is known.
  let newest: Int?

  private static let offset = 1_000_000_000_000

  /// The id in TDLib of the channel with the id `bare`.
  static func id(ofBare bare: Int) -> Int { -offset &- bare }

  /// The bare id of a channel whose id is given in either form.
  static func bareID(_ id: Int) -> Int {
    let (bare, isTooLow) = (-offset).subtractingReportingOverflow(id)
    return id < -offset && !isTooLow ? bare : id
  }
}

/// Finds the chat of a channel; a name that has been looked up before is not looked up again.
struct LiveChatSearch {
  let session: LiveSession
  /// The name of the channel in messages.
  let channel: String

  /// - Throws: ``SourceFault`` if there is no such channel; `FileError`.
  func find(_ address: LiveChannel.Address) throws -> LiveChat {
    switch address {
    case .username(let name): try find(name: name)
    case .id(let bare): try find(bareID: bare)
    }
  }

  // MARK: - By name

  private func find(name: String) throws -> LiveChat {
    if let id = session.folder.chatID(of: name), let chat = try known(LiveChat.bareID(id)),
      try isCalled(name, LiveChat.bareID(id))
    {
      return chat
    }
    do {
      let chat = try checked(try session.request(.publicChat(name)))
      try session.folder.remember(chat.id, of: name)
      return chat
    } catch let error as TDError {
      switch error.message {
      case "USERNAME_NOT_OCCUPIED":
        throw fault("there is no channel of this name; check the spelling")
      case "USERNAME_INVALID", "Username is invalid":
        throw fault("this cannot be the name of a channel: names are 4 to 32 letters, digits or _")
      case "CHANNEL_PRIVATE", "Can't access the chat":
        throw fault("the channel is private, and this account is not in it")
      default: throw fault("the channel cannot be found: \(error.text)")
      }
    }
  }

  /// The chat of a channel that this session knows from an earlier run; `nil` if it does not.
  private func known(_ bareID: Int) throws -> LiveChat? {
    do {
      return try checked(try session.request(.knownChannel(bareID)))
    } catch is TDError {
      return nil
    }
  }

  /// Whether the channel still has the name, which may have passed to another one.
  private func isCalled(_ name: String, _ bareID: Int) throws -> Bool {
    do {
      let group = try session.request(.supergroup(bareID))
      let names = group["usernames"]?["active_usernames"]?.elements ?? []
      return names.contains { $0.string?.lowercased() == name.lowercased() }
    } catch is TDError {
      return false
    }
  }

  // MARK: - By id

  private func find(bareID: Int) throws -> LiveChat {
    let id = LiveChat.id(ofBare: bareID)
    if let chat = try known(bareID) { return chat }
    if let chat = try chat(id) { return chat }
    for isArchive in [false, true] {
      while try loadChats(archived: isArchive) {
        if let chat = try chat(id) { return chat }
      }
    }
    throw fault("this account is not in a channel with the id \(bareID); join it first")
  }

  /// Loads more of the account's chats; `false` if there are no more.
  private func loadChats(archived: Bool) throws -> Bool {
    do {
      try session.request(.loadChats(archived: archived))
      return true
    } catch is TDError {
      return false
    }
  }

  private func chat(_ id: Int) throws -> LiveChat? {
    do {
      return try checked(try session.request(.chat(id)))
    } catch let error as TDError {
      if error.message == "Can't access the chat" {
        throw fault("the channel is private, and this account is no longer in it")
      }
      return nil
    }
  }

  // MARK: - The chat that was found

  private func checked(_ chat: JSONValue) throws -> LiveChat {
    let type = chat["type"] ?? .null
    guard let id = chat.whole("id"), type.type == "chatTypeSupergroup" else {
      throw fault("this is not a channel but \(Self.word(type.type))")
    }
    if type["is_channel"]?.boolean == false {
      session.console.warning("\(channel): this is a group, not a channel")
    }
    let newest = chat["last_message"]?.whole("id").flatMap(TDMessageID.id)
    return LiveChat(id: id, title: chat["title"]?.string, newest: newest)
  }

  private static func word(_ type: String) -> String {
    switch type {
    case "chatTypePrivate": "a person or a bot"
    case "chatTypeBasicGroup": "a small group"
    case "chatTypeSecret": "a secret chat"
    default: "a chat of another kind"
    }
  }

  private func fault(_ problem: String) -> SourceFault {
    SourceFault(.noSuchChannel, channel, problem)
  }
}
