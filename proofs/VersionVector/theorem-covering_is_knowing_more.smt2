; VersionVector: theorem covering_is_knowing_more
; unsat means proved
(set-logic ALL)
(declare-fun |r| () Int)
(declare-fun |n| () Int)
(declare-fun |all| () Bool)
(declare-fun |t| (Int) Int)
(declare-fun |s| (Int) Int)
(assert (<= 0 (|s| |r|)))
(assert (not (or (not (and |all| (not (< (|t| |r|) |n|)))) (not (< (|s| |r|) |n|)))))
(assert (or (not |all|) (= 0 (|t| |r|)) (not (< (|s| |r|) (|t| |r|)))))
(check-sat)
