"""crosspl: does reinforcement learning for code in one programming language transfer to others?"""
