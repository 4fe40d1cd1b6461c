; GCounter: home own by delta of inc elsewhere
; unsat means proved
(set-logic ALL)
(declare-fun |p| () Int)
(declare-fun |r| () Int)
(declare-fun |this.counts| (Int) Int)
(declare-fun |n| () Int)
(declare-fun |mine.counts| (Int) Int)
(assert (not (= |p| |r|)))
(assert (<= 0 (|mine.counts| |p|)))
(assert (< (|mine.counts| |p|) (ite (= |p| |r|) (+ (|this.counts| |r|) |n|) 0)))
(check-sat)
