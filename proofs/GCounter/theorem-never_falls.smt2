; GCounter: theorem never_falls
; unsat means proved
(set-logic ALL)
(declare-fun |sum| () Int)
(declare-fun |sum!1| () Int)
(declare-fun |s!5| () Int)
(declare-fun |s.counts| (Int) Int)
(declare-fun |t.counts| (Int) Int)
(assert (< |sum!1| |sum|))
(assert (or (< (ite (< (|s.counts| |s!5|) (|t.counts| |s!5|)) (|t.counts| |s!5|) (|s.counts| |s!5|)) (|s.counts| |s!5|)) (<= |sum| |sum!1|)))
(check-sat)
