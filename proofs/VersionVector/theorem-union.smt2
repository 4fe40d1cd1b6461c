; VersionVector: theorem union
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |n| () Int)
(declare-fun |s| (Int) Int)
(declare-fun |t| (Int) Int)
(assert (not (= (not (< (ite (< (|s| |r|) (|t| |r|)) (|t| |r|) (|s| |r|)) |n|)) (or (not (< (|s| |r|) |n|)) (not (< (|t| |r|) |n|))))))
(check-sat)
