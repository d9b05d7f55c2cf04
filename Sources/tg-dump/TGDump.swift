@main struct TGDump { static func main() {} }
