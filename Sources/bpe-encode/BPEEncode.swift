@main struct BPEEncode { static func main() {} }
