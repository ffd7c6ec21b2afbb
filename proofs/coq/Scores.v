(** What scores say of enclosures: tightness of an estimate, relative errors and stability, regret,
    mean losses, predicted labels, correct digits. Bounds may be rounded outward.

    Relied on by `tightness` (src/ranking/ranking.cpp), `relative_error` and `stability`
    (src/ranking/stability.cpp), `regret_of` (src/ranking/reliability.cpp) and `score_stability`
    (src/ranking/stability_score.cpp). *)

From Coq Require Import Reals Lra Lia Arith.
From NumGeom Require Import Sums Verdict.
Local Open Scope R_scope.

(** Phi / |L^ - L*| for an error in [least, greatest]; without a positive bound there is no end. *)
Theorem tightness_encloses (phi error least greatest low high : R) :
  0 <= phi -> least <= error <= greatest -> 0 < error ->
  low <= phi / greatest ->
  low <= phi / error /\ (0 < least -> phi / least <= high -> phi / error <= high).
Proof.
  intros Hphi He Hpos Hlow. split.
  - eapply Rle_trans; [exact Hlow|]. unfold Rdiv.
    apply Rmult_le_compat_l; [exact Hphi | apply Rinv_le_contravar; lra].
  - intros Hl Hh. eapply Rle_trans; [|exact Hh]. unfold Rdiv.
    apply Rmult_le_compat_l; [exact Hphi | apply Rinv_le_contravar; lra].
Qed.

(** |L^ - L*| / |L*| for sizes of L* in [smallest, largest]. *)
Theorem relative_error_encloses (error exact least greatest smallest largest low high : R) :
  0 <= least -> least <= error <= greatest -> smallest <= Rabs exact <= largest -> exact <> 0 ->
  low <= least / largest ->
  low <= error / Rabs exact /\
  (0 < smallest -> greatest / smallest <= high -> error / Rabs exact <= high).
Proof.
  intros Hl He Hs H0 Hlow. pose proof (Rabs_pos_lt exact H0) as Hpos. split.
  - eapply Rle_trans; [exact Hlow|]. unfold Rdiv.
    apply Rmult_le_compat;
      [exact Hl | left; apply Rinv_0_lt_compat; lra | lra | apply Rinv_le_contravar; lra].
  - intros Hsm Hh. eapply Rle_trans; [|exact Hh]. unfold Rdiv.
    apply Rmult_le_compat;
      [lra | left; apply Rinv_0_lt_compat; lra | lra | apply Rinv_le_contravar; lra].
Qed.

(** Is the relative error below the tolerance? *)
Definition stability (low high tolerance : R) : verdict :=
  if Rlt_dec high tolerance then Certified
  else if Rle_dec tolerance low then Refuted
  else Undecided.

Theorem stability_sound (low high tolerance relative : R) :
  low <= relative <= high -> means (stability low high tolerance) (relative < tolerance).
Proof.
  intros H. unfold stability. destruct Rlt_dec; [simpl; lra|].
  destruct Rle_dec; simpl; [lra | exact I].
Qed.

(** The regret of a trial, its loss less the least one; best has the least loss of n trials. *)
Theorem regret_encloses (n : nat) (exact lo hi : nat -> R) (one best : nat)
    (least_lo least_hi : R) :
  (one < n)%nat -> (best < n)%nat ->
  (forall i, (i < n)%nat -> lo i <= exact i <= hi i) ->
  (forall i, (i < n)%nat -> exact best <= exact i) ->
  (forall i, (i < n)%nat -> least_lo <= lo i) ->
  (exists i, (i < n)%nat /\ hi i <= least_hi) ->
  Rmax 0 (lo one - least_hi) <= exact one - exact best <= hi one - least_lo.
Proof.
  intros Hone Hbest He Hmin Hlo [i [Hi Hhi]].
  pose proof (He one Hone). pose proof (He best Hbest). pose proof (He i Hi).
  pose proof (Hmin one Hone). pose proof (Hmin i Hi). pose proof (Hlo best Hbest).
  split; [apply Rmax_lub|]; lra.
Qed.

(** The mean of N losses. *)
Theorem mean_loss_encloses (N : nat) (l lo hi : nat -> R) :
  (0 < N)%nat -> (forall i, (i < N)%nat -> lo i <= l i <= hi i) ->
  sum_below lo N / INR N <= sum_below l N / INR N <= sum_below hi N / INR N.
Proof.
  intros HN H. pose proof (lt_0_INR N HN) as Hp.
  assert (Hi : 0 <= / INR N) by (left; now apply Rinv_0_lt_compat).
  unfold Rdiv. split; apply Rmult_le_compat_r; try exact Hi; apply sum_below_le; intros;
    now apply H.
Qed.

(** The label is the first greatest output. A later output may be proved equal instead. *)
Theorem label_is_first_greatest (K c : nat) (o lo hi : nat -> R) :
  (c < K)%nat -> (forall k, (k < K)%nat -> lo k <= o k <= hi k) ->
  (forall k, (k < c)%nat -> hi k < lo c) ->
  (forall k, (c < k < K)%nat -> hi k <= lo c \/ o k = o c) ->
  (forall k, (k < c)%nat -> o k < o c) /\ (forall k, (k < K)%nat -> o k <= o c).
Proof.
  intros Hc Ho Hbefore Hafter. pose proof (Ho c Hc) as Hoc.
  assert (Hlt : forall k, (k < c)%nat -> o k < o c).
  { intros k Hk. assert (Hk' : (k < K)%nat) by lia. pose proof (Ho k Hk').
    pose proof (Hbefore k Hk). lra. }
  split; [exact Hlt|]. intros k Hk.
  destruct (lt_eq_lt_dec k c) as [[Hkc| ->]|Hkc]; [left; now apply Hlt | lra|].
  pose proof (Ho k Hk). destruct (Hafter k (conj Hkc Hk)); lra.
Qed.

(** No other output is the first greatest. *)
Theorem label_is_unique (K c c' : nat) (o : nat -> R) :
  (c < K)%nat -> (c' < K)%nat ->
  (forall k, (k < c)%nat -> o k < o c) -> (forall k, (k < K)%nat -> o k <= o c) ->
  (forall k, (k < c')%nat -> o k < o c') -> (forall k, (k < K)%nat -> o k <= o c') -> c = c'.
Proof.
  intros Hc Hc' H1 H2 H3 H4. destruct (lt_eq_lt_dec c c') as [[H|H]|H]; [|exact H|].
  - pose proof (H3 c H). pose proof (H2 c' Hc'). lra.
  - pose proof (H1 c' H). pose proof (H4 c Hc). lra.
Qed.

(** The ratio that is turned into digits: sum |L^ - L| / sum |L| <= E / F. *)
Theorem digits_ratio (N : nat) (native l delta : nat -> R) (E F : R) :
  (forall i, (i < N)%nat -> Rabs (native i - l i) <= delta i) -> sum_below delta N <= E ->
  0 < F -> F <= Rabs (sum_below l N) ->
  sum_below (fun i => Rabs (native i - l i)) N / sum_below (fun i => Rabs (l i)) N <= E / F.
Proof.
  intros Hd HE HF Hl. pose proof (sum_below_abs l N) as Ha.
  assert (Hn : 0 <= sum_below (fun i => Rabs (native i - l i)) N)
    by (apply sum_below_nonneg; intros; apply Rabs_pos).
  assert (Hs : sum_below (fun i => Rabs (native i - l i)) N <= sum_below delta N)
    by (now apply sum_below_le).
  unfold Rdiv. apply Rmult_le_compat; [exact Hn | left; apply Rinv_0_lt_compat; lra | lra |].
  apply Rinv_le_contravar; lra.
Qed.
