; MaxReal: theorem never_falls
; unsat means proved
(set-logic ALL)
(declare-fun |s| () Real)
(declare-fun |t| () Real)
(assert (< (ite (< |s| |t|) |t| |s|) |s|))
(check-sat)
